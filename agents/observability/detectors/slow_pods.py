"""Pods that are slow while their siblings are not, and nodes on which that is so for pods of several workloads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import latency
from agents.observability.shift import find_shift, share
from agents.reporting import state
from agents.wording import count, since
from incidents.action import name_of
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.pod_latency import PodLatency, PodLatencyView

POD_SLOW = FactSpec(
    kind=FactKind("pod.slow"),
    role=FactRole.MECHANISM,
    meaning="A pod answers far more slowly than the other pods of its workload, which get the same requests.",
    attributes={"p50_s": "its median, seconds", "siblings_s": "the median of the others", "node": "where it runs"},
)
NODE_SLOW = FactSpec(
    kind=FactKind("node.slow"),
    role=FactRole.MECHANISM,
    meaning="Pods of several workloads are slow on this node, and their siblings elsewhere are not.",
    attributes={"workloads": "names of these workloads, comma separated", "pods": "slow pods on it"},
)
TIMES = 2.5
"""Siblings share image, settings and load; they differ by tens of per cent, hardly by this much."""
LEAST = 0.02
"""Seconds more: below it nobody feels it, and a median of a few milliseconds doubles by chance."""
LATELY = 5
"""Samples whose median is the level now."""
TOGETHER = 2
"""Workloads whose slow pods share a node, from which the node is slow and not they."""
NOISE = share(0.15, at_least=0.002)


@dataclass(frozen=True, kw_only=True)
class _Slow:
    """A slow pod among its siblings."""

    workload: EntityId
    one: PodLatency
    level: float
    siblings: float
    at: datetime | None
    seen: Observation[PodLatencyView]

    @property
    def entity(self) -> EntityId:
        """The pod."""
        of = Entity.parse(self.workload)
        return Entity(cluster=of.cluster, namespace=of.namespace, kind=EntityKind.POD, name=self.one.pod).id


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per slow node; one per slow pod elsewhere."""
    latest = {seen.view.entity: seen for seen in sightings.of(PodLatencyView)}
    slow = [one for seen in latest.values() for one in _slow(seen)]
    sick = _nodes(slow, latest.values())
    for node in sick:
        yield _of_node(node, [one for one in slow if one.one.node == node], scene)
    yield from (_of_pod(one, scene) for one in slow if one.one.node not in sick)


def _slow(seen: Observation[PodLatencyView]) -> Iterator[_Slow]:
    """Those that are slow, when they are a minority: what most of them are is the workload's own matter."""
    levels = {one.pod: level for one in seen.view.pods if (level := _level(one.p50)) is not None}
    found = []
    for one in seen.view.pods:
        others = [level for pod, level in levels.items() if pod != one.pod]
        if not others or one.pod not in levels:
            continue
        usual, level = median(others), levels[one.pod]
        if level >= max(TIMES * usual, usual + LEAST):
            shift = find_shift(one.p50, floor=NOISE)
            at = shift.at if shift and shift.up else None
            found.append(_Slow(workload=seen.view.entity, one=one, level=level, siblings=usual, at=at, seen=seen))
    if 2 * len(found) <= len(levels):
        yield from found


def _level(curve: Curve) -> float | None:
    known = [value for value in curve.values if value is not None][-LATELY:]
    fresh = curve.values and any(value is not None for value in curve.values[-LATELY:])
    return median(known) if known and fresh else None


def _nodes(slow: Sequence[_Slow], seen: Iterable[Observation[PodLatencyView]]) -> tuple[str, ...]:
    """Nodes on which pods of several workloads are slow, and most of those that were looked at."""
    placed = [(one.node, one.pod) for view in seen for one in view.view.pods]
    found = []
    for node in sorted({one.one.node for one in slow if one.one.node}):
        there = [one for one in slow if one.one.node == node]
        every = sum(where == node for where, _ in placed)
        if len({one.workload for one in there}) >= TOGETHER and 2 * len(there) > every:
            found.append(node)
    return tuple(found)


def _of_node(node: str, slow: Sequence[_Slow], scene: Scene) -> Fact:
    names = sorted({name_of(one.workload) for one in slow})
    at = min((one.at for one in slow if one.at), default=None)
    return state(
        NODE_SLOW,
        entity=Entity(cluster=scene.case.incident.cluster, kind=EntityKind.NODE, name=node).id,
        text=f"{count(len(slow), 'pod')} of {', '.join(names)} on node {node} are slow{since(at, now=scene.now)}, "
        "and their siblings elsewhere are not",
        seen=[one.seen for one in slow],
        at=at,
        related=sorted({one.workload for one in slow}),
        detector=DETECTOR.name,
        workloads=", ".join(names),
        pods=len(slow),
    )


def _of_pod(one: _Slow, scene: Scene) -> Fact:
    return state(
        POD_SLOW,
        entity=one.entity,
        text=f"pod {one.one.pod} of {name_of(one.workload)} takes {latency(one.level)} where its siblings take "
        f"{latency(one.siblings)}{since(one.at, now=scene.now)}",
        seen=[one.seen],
        at=one.at,
        related=[one.workload],
        detector=DETECTOR.name,
        p50_s=round(one.level, 4),
        siblings_s=round(one.siblings, 4),
        node=one.one.node,
    )


DETECTOR = Detector(name="observability.slow_pods", emits=(POD_SLOW, NODE_SLOW), needs=(PodLatencyView,), detect=detect)
