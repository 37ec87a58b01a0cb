"""Workloads that nobody measures: their silence is not health."""

from collections.abc import Iterable
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.observability.names import workloads_of
from agents.reporting import state
from agents.wording import count
from incidents.entity import Entity
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.probe import Observation
from tools.prometheus.probes.red import RedView
from tools.prometheus.probes.targets import TargetsView
from tools.prometheus.probes.usage import UsageView

MISSING = FactSpec(
    kind=FactKind("telemetry.missing"),
    role=FactRole.STATE,
    meaning="A source of telemetry says nothing about a workload: what it does not show may be so nevertheless.",
    attributes={"source": "what is missing: request metrics, container metrics, scrapes"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload and source. That a database behind it reports no requests is no news."""
    asked = set(workloads_of(scene.entities, scene.case.topology))
    for red in sightings.of(RedView):
        if red.view.metrics is None and red.view.entity in asked:
            yield _missing(
                red, red.view.entity, f"{_name(red.view.entity)} reports no request metrics", "request metrics"
            )
    for usage in sightings.of(UsageView):
        if not any(one.memory or one.cpu for one in usage.view.containers):
            text = f"there are no container metrics of {_name(usage.view.entity)}"
            yield _missing(usage, usage.view.entity, text, "container metrics")
    for targets in sightings.of(TargetsView):
        down = [target for target in targets.view.targets if not target.up]
        if down:
            why = f": {down[0].error}" if down[0].error else ""
            text = f"Prometheus cannot scrape {len(down)} of {count(len(targets.view.targets), 'pod')}{why}"
            yield _missing(targets, targets.view.entity, text, "scrapes")


def _missing(seen: Observation[Any], entity: EntityId, text: str, source: str) -> Fact:
    return state(MISSING, entity=entity, text=text, seen=[seen], at=None, detector=DETECTOR.name, source=source)


def _name(entity: EntityId) -> str:
    return Entity.parse(entity).name


DETECTOR = Detector(name="observability.telemetry", emits=(MISSING,), needs=(), detect=detect)
