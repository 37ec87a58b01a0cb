"""Nodes that take no new pods by somebody's will: cordons and taints."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import fresh
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.metadata import FieldManager
from tools.kubernetes.node import Node, Nodes, Taint
from tools.probe import Observation

JOINING = timedelta(minutes=10)
"""Taints of a node's first minutes belong to its joining, not to a change."""
_CONSEQUENCES = frozenset(
    f"node.kubernetes.io/{condition}"
    for condition in (
        "unschedulable",
        "not-ready",
        "unreachable",
        "memory-pressure",
        "disk-pressure",
        "pid-pressure",
        "network-unavailable",
    )
)
"""Taints that the control plane sets because of a condition, which another fact tells."""
_ROLES = "node-role.kubernetes.io/"

CORDONED = FactSpec(
    kind=FactKind("node.cordoned"),
    role=FactRole.STATE,
    meaning="A node takes no new pods because it was cordoned.",
    attributes={"by": "field manager that did it, by the API's own record"},
)
TAINT_ADDED = FactSpec(
    kind=FactKind("node.taint_added"),
    role=FactRole.CHANGE,
    meaning="A node got a taint that keeps pods off or drives them away.",
    attributes={"taint": "key=value:effect", "by": "field manager that did it"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per cordon and per taint that is new."""
    for seen in sightings.of(Nodes):
        for node in seen.view.nodes:
            if node.unschedulable:
                yield _cordoned(node, seen, scene)
            for taint in node.taints:
                at = _added(node, taint)
                willed = taint.key not in _CONSEQUENCES and not taint.key.startswith(_ROLES)
                if willed and at is not None and fresh(at, scene):
                    yield _tainted(node, taint, at, seen, scene)


def _writer(node: Node, field: str) -> FieldManager | None:
    writers = [m for m in node.meta.managers if any(path.startswith(field) for path in m.fields)]
    return max(writers, key=lambda m: m.at.timestamp() if m.at else 0.0, default=None)


def _added(node: Node, taint: Taint) -> datetime | None:
    writer = _writer(node, "spec.taints")
    at = taint.added or (writer.at if writer else None)
    young = at is not None and node.meta.created is not None and at - node.meta.created < JOINING
    return None if young else at


def _cordoned(node: Node, seen: Observation[Nodes], scene: Scene) -> Fact:
    writer = _writer(node, "spec.unschedulable")
    at = writer.at if writer else None
    by = f" by {writer.manager}" if writer else ""
    return state(
        CORDONED,
        entity=node.meta.entity,
        text=f"node {node.meta.name} is cordoned{by}{since(at, now=scene.now)}",
        seen=[seen],
        at=at,
        detector=DETECTOR.name,
        by=writer.manager if writer else None,
    )


def _tainted(node: Node, taint: Taint, at: datetime, seen: Observation[Nodes], scene: Scene) -> Fact:
    writer = _writer(node, "spec.taints")
    by = f" by {writer.manager}" if writer else ""
    return state(
        TAINT_ADDED,
        entity=node.meta.entity,
        text=f"node {node.meta.name} has taint {taint.text}{by}{since(at, now=scene.now)}",
        seen=[seen],
        at=at,
        related=node.pods,
        detector=DETECTOR.name,
        taint=taint.text,
        by=writer.manager if writer else None,
    )


DETECTOR = Detector(name="kubernetes.node_placement", emits=(CORDONED, TAINT_ADDED), needs=(Nodes,), detect=detect)
