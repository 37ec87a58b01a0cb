"""Whether everything that was looked at is as it was before: then there is nothing to repair.

It says so only of what it saw: every workload asked about needs request metrics and container metrics.
"""

from collections.abc import Iterable
from itertools import pairwise

from agents.detector import Detector, Scene, Sightings
from agents.observability.detectors import (
    cpu,
    dependencies,
    disks,
    errors,
    latency,
    log_classes,
    memory_growth,
    memory_limit,
    nodes,
    pools,
    traffic,
)
from agents.observability.names import workloads_of
from agents.reporting import state
from agents.wording import listed
from incidents.action import name_of
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import RedView
from tools.prometheus.probes.usage import UsageView

HEALTHY = FactSpec(
    kind=FactKind("estate.healthy"),
    role=FactRole.CLEARED,
    meaning="Errors, latency, traffic, memory and availability of what was looked at are all as before.",
    attributes={"workloads": "how many workloads were looked at"},
)
_TROUBLES = (
    errors.DETECTOR,
    latency.DETECTOR,
    traffic.DETECTOR,
    memory_limit.DETECTOR,
    memory_growth.DETECTOR,
    cpu.DETECTOR,
    pools.DETECTOR,
    disks.DETECTOR,
    nodes.DETECTOR,
    dependencies.DETECTOR,
    log_classes.DETECTOR,
)
_HARMLESS = frozenset({traffic.SURGE.kind, cpu.CPU_HIGH.kind, dependencies.HEALTHY.kind})
"""More traffic and busy CPUs alone hurt nobody."""
LATELY = 4
"""Samples that all have to have every replica available."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact about the cluster, or none."""
    asked = workloads_of(scene.entities, scene.case.topology)
    red = {seen.view.entity: seen for seen in sightings.of(RedView) if seen.view.metrics is not None}
    usage = {seen.view.entity: seen for seen in sightings.of(UsageView) if seen.view.containers}
    looked_at = [entity for entity in asked if entity in red and entity in usage]
    if not looked_at or any(entity not in red and entity in usage for entity in asked[:1]):
        return
    if _in_trouble(sightings, scene):
        return
    if not all(_available(usage[entity]) and _stays_up(usage[entity]) for entity in looked_at):
        return
    yield state(
        HEALTHY,
        entity=_cluster(scene),
        text=f"errors, latency and memory of {listed(name_of(entity) for entity in looked_at)} are as before",
        seen=[one for entity in looked_at for one in (red[entity], usage[entity])],
        at=None,
        related=looked_at,
        detector=DETECTOR.name,
        workloads=len(looked_at),
    )


def _in_trouble(sightings: Sightings, scene: Scene) -> bool:
    """Whether any detector has something to say that lasts and is no harmless change. Stops at the first."""
    return any(
        fact.until is None and fact.kind not in _HARMLESS
        for detector in _TROUBLES
        for fact in detector.detect(sightings, scene)
    )


def _available(seen: Observation[UsageView]) -> bool:
    """Whether every replica was available lately; unknown counts as yes, since Kubernetes tells that better."""
    available, desired = seen.view.available, seen.view.desired
    if available is None or desired is None:
        return True
    have, want = _lately(available), _lately(desired)
    return not have or not want or min(have) >= max(want)


def _stays_up(seen: Observation[UsageView]) -> bool:
    """Whether nothing restarted in the window."""
    return all(one.restarts is None or not _rises(one.restarts) for one in seen.view.containers)


def _rises(curve: Curve) -> bool:
    known = [value for value in curve.values if value is not None]
    return any(later > earlier for earlier, later in pairwise(known))


def _lately(curve: Curve) -> list[float]:
    return [value for value in curve.values if value is not None][-LATELY:]


def _cluster(scene: Scene) -> EntityId:
    name = scene.case.incident.cluster
    return Entity(cluster=name, kind=EntityKind.CLUSTER, name=name).id


DETECTOR = Detector(name="observability.healthy", emits=(HEALTHY,), needs=(RedView, UsageView), detect=detect)
