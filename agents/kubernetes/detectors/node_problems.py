"""What node-problem-detector and the kubelet report of a node beyond its standard conditions."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import events_of, fresh
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.node import Nodes
from tools.probe import Observation

_STANDARD = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"}


def _spec(kind: str, meaning: str, role: FactRole = FactRole.MECHANISM) -> FactSpec:
    return FactSpec(
        kind=FactKind(kind), role=role, meaning=meaning, attributes={"reason": "what it is called where it was seen"}
    )


CLOCK = _spec("node.clock_skew", "The clock of a node is wrong: certificates and leases fail.")
CONNTRACK = _spec("node.conntrack_full", "The connection table of a node is full: new connections are dropped.")
SYSTEM_OOM = _spec("node.system_oom", "The kernel of a node killed processes because the node ran out of memory.")
REBOOTED = _spec("node.rebooted", "A node was rebooted.", FactRole.CHANGE)
PROBLEM = _spec("node.problem", "A node reports another problem: kernel, file system, restarts of its services.")
_PATTERNS: tuple[tuple[FactSpec, re.Pattern[str]], ...] = (
    (CONNTRACK, re.compile(r"conntrack", re.IGNORECASE)),
    (CLOCK, re.compile(r"clock|(?<![a-z])ntp|chrony|time.?sync|timeskew", re.IGNORECASE)),
    (SYSTEM_OOM, re.compile(r"SystemOOM|OOMKilling", re.IGNORECASE)),
    (REBOOTED, re.compile(r"^Rebooted", re.IGNORECASE)),
    (
        PROBLEM,
        re.compile(
            r"KernelDeadlock|TaskHung|ReadonlyFilesystem|Frequent\w+Restart|CorruptDockerOverlay|KernelOops|MemoryReadError"
            r"|ImageGCFailed|ContainerGCFailed|FreeDiskSpaceFailed|UnregisterNetDevice|Ext4|IOError|Hardware",
            re.IGNORECASE,
        ),
    ),
)
_WORDS = {
    CONNTRACK.kind: "has a full connection table",
    CLOCK.kind: "has a wrong clock",
    SYSTEM_OOM.kind: "ran out of memory and killed processes",
    REBOOTED.kind: "was rebooted",
    PROBLEM.kind: "reports a problem",
}


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Facts from non-standard conditions that hold, and from events about nodes."""
    for seen in sightings.of(Nodes):
        for node in seen.view.nodes:
            for condition in node.conditions:
                if condition.holds and condition.type not in _STANDARD:
                    spec = _match(f"{condition.type} {condition.reason} {condition.message}") or PROBLEM
                    yield _fact(spec, node.meta.entity, condition.type, condition.changed, seen, scene)
    for one in events_of(sightings):
        entity = one.event.entity
        if entity is None or Entity.parse(entity).kind is not EntityKind.NODE or not fresh(one.event.last, scene):
            continue
        matched = _match(one.event.reason)
        if matched is not None:
            yield _fact(matched, entity, one.event.reason, one.event.first, one.seen, scene)


def _match(text: str) -> FactSpec | None:
    return next((spec for spec, pattern in _PATTERNS if pattern.search(text)), None)


def _fact(
    spec: FactSpec, node: EntityId, reason: str, at: datetime | None, seen: Observation[Any], scene: Scene
) -> Fact:
    return state(
        spec,
        entity=node,
        text=f"node {Entity.parse(node).name} {_WORDS[spec.kind]} ({reason}){since(at, now=scene.now)}",
        seen=[seen],
        at=at,
        detector=DETECTOR.name,
        reason=reason,
    )


DETECTOR = Detector(
    name="kubernetes.node_problems",
    emits=(CLOCK, CONNTRACK, SYSTEM_OOM, REBOOTED, PROBLEM),
    needs=(Nodes,),
    detect=detect,
)
