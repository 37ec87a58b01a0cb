"""Nodes that run out of CPU, memory, disk, connections or time, by their own exporter."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import percent, since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.curve import Curve
from tools.prometheus.probes.nodes import NodesView, NodeUse

LATELY = 5
"""Samples whose median is the level now."""


def _spec(kind: str, meaning: str, value: str, **more: str) -> FactSpec:
    attributes = {"value": value, **more}
    return FactSpec(kind=FactKind(kind), role=FactRole.MECHANISM, meaning=meaning, attributes=attributes)


_REPORTED = "what reported it: the node problem detector's reason, or node_exporter"
"""These kinds Kubernetes tells as well, where a node problem detector runs."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One figure of a node and where it becomes a fact."""

    spec: FactSpec
    curve: Callable[[NodeUse], Curve | None]
    from_up: float = math.inf
    """Values from here upwards are too high."""
    from_down: float = -math.inf
    """Values from here downwards are too low."""
    say: Callable[[float], str]

    def beyond(self, value: float) -> bool:
        """Whether a value is too high or too low."""
        return value >= self.from_up or value <= self.from_down


BOUNDS = (
    Bound(
        spec=_spec("node.cpu_high", "A node's CPU is nearly all busy.", "share of busy CPU, 0..1"),
        curve=lambda use: use.cpu,
        from_up=0.9,  # node-mixin warns at 90 % (NodeCPUHighUsage)
        say=lambda value: f"uses {percent(value)} of its CPU",
    ),
    Bound(
        spec=_spec("node.memory_low", "A node has hardly any memory left.", "share of available memory, 0..1"),
        curve=lambda use: use.memory_available,
        from_down=0.1,  # node-mixin warns at 90 % used (NodeMemoryHighUtilization)
        say=lambda value: f"has {percent(value)} of its memory left",
    ),
    Bound(
        spec=_spec(
            "node.disk_low", "A node's fullest file system is nearly full.", "share of free bytes or files, 0..1"
        ),
        curve=lambda use: use.disk_available,
        from_down=0.1,  # the kubelet evicts at 10 % free (nodefs.available)
        say=lambda value: f"has {percent(value)} of its fullest disk left",
    ),
    Bound(
        spec=_spec("node.inodes_low", "A node's file system has hardly any files left.", "share of free inodes, 0..1"),
        curve=lambda use: use.inodes_available,
        from_down=0.05,  # the kubelet evicts at 5 % free (nodefs.inodesFree)
        say=lambda value: f"has {percent(value)} of its inodes left",
    ),
    Bound(
        spec=_spec("node.network_errors", "A node's network interfaces lose packets.", "errors per second"),
        curve=lambda use: use.network_errors,
        from_up=10,  # packets per second: far from a single bad cable frame
        say=lambda value: f"has {value:.0f} network errors a second",
    ),
    Bound(
        spec=_spec(
            "node.conntrack_full", "A node's connection table is nearly full.", "share in use, 0..1", reason=_REPORTED
        ),
        curve=lambda use: use.conntrack,
        from_up=0.75,  # node-mixin warns at 75 % (NodeHighNumberConntrackEntriesUsed)
        say=lambda value: f"uses {percent(value)} of its connection table",
    ),
    Bound(
        spec=_spec("node.clock_skew", "A node's clock is wrong.", "offset in seconds", reason=_REPORTED),
        curve=lambda use: use.clock_offset,
        from_up=0.05,  # seconds: node-mixin warns at 50 ms (NodeClockSkewDetected)
        say=lambda value: f"has a clock that is {value * 1000:.0f} ms off",
    ),
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per node and figure beyond its bound."""
    for seen in sightings.of(NodesView):
        for use in seen.view.nodes:
            for bound in BOUNDS:
                curve = bound.curve(use)
                level = _now(curve) if curve else None
                if curve is None or level is None or not bound.beyond(level):
                    continue
                begun = _since(curve, bound)
                at = curve.time(begun) if begun > 0 else None
                node = Entity(cluster=scene.case.incident.cluster, kind=EntityKind.NODE, name=use.node).id
                yield state(
                    bound.spec,
                    entity=node,
                    text=f"node {use.node} {bound.say(level)}{since(at, now=scene.now)}",
                    seen=[seen],
                    at=at,
                    detector=DETECTOR.name,
                    value=round(level, 4),
                    more={"reason": "node_exporter"} if "reason" in bound.spec.attributes else None,
                )


def _now(curve: Curve) -> float | None:
    known = [value for value in curve.values if value is not None][-LATELY:]
    return sorted(known)[len(known) // 2] if known else None


def _since(curve: Curve, bound: Bound) -> int:
    """Index of the first sample of the run beyond the bound that lasts until now; 0 when it always was."""
    inside = [index for index, value in enumerate(curve.values) if value is not None and not bound.beyond(value)]
    return inside[-1] + 1 if inside else 0


DETECTOR = Detector(
    name="observability.nodes",
    emits=tuple(bound.spec for bound in BOUNDS),
    needs=(NodesView,),
    detect=detect,
)
