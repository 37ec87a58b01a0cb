"""Finds writes to a service's selector: what it was is known from Git, or from the workload that it no longer finds."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from agents.cicd.drift import Drift, drifts_of
from agents.cicd.edits import Write, writes
from agents.cicd.hands import Hand
from agents.cicd.happenings import label
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.action import FieldChange
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.service import Services, ServiceView
from tools.probe import Observation

SPEC = FactSpec(
    kind=FactKind("change.selector_changed"),
    role=FactRole.CHANGE,
    meaning="The selector of a service was written, and it differs from Git or finds no pods any more.",
    attributes={
        "field": "spec.selector.<key>",
        "before": "what Git says, else what the pods that it most likely means carry",
        "after": "what it asks for now",
        "actor": "client that wrote it, when known",
    },
)
INFERRED = 0.7
"""Strength when what the selector was before is told by the pods and not by Git."""
_PATH = "spec.selector"
_NEVER = datetime.fromtimestamp(0, tz=UTC)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per service."""
    period, drifts, known = period_of(scene), drifts_of(sightings), writes(sightings)
    for seen in sightings.of(Services):
        for view in seen.view.services:
            drift = next((d for d in drifts.of(view.service.meta.entity) if d.change.path.startswith(_PATH)), None)
            write = _last_write(known, view.service.meta.entity)
            change = _change(view, drift, write)
            if change and period.holds(write.at if write else None, entities=_concerned(view)):
                yield _fact(view, change, drift, write, seen, scene)


def _last_write(known: tuple[Write, ...], service: EntityId) -> Write | None:
    """The newest write that owns the selector and is not the creation of the service."""
    found = [
        one
        for one in known
        if one.entity == service
        and not one.created
        and one.hand is not Hand.CONTROLLER
        and any(field.startswith(_PATH) for field in one.fields)
    ]
    return max(found, key=lambda one: one.at or _NEVER, default=None)


def _change(view: ServiceView, drift: Drift | None, write: Write | None) -> FieldChange | None:
    if drift is not None:
        return drift.change
    closest = view.closest
    if closest is None or write is None:
        return None
    path = f"{_PATH}.{closest.differing_key}"
    return FieldChange(path=path, before=closest.found or None, after=closest.wanted)


def _concerned(view: ServiceView) -> tuple[EntityId, ...]:
    meant = (view.closest.workload,) if view.closest else ()
    return (view.service.meta.entity, *view.service.workloads, *meant)


def _fact(
    view: ServiceView,
    change: FieldChange,
    drift: Drift | None,
    write: Write | None,
    seen: Observation[Any],
    scene: Scene,
) -> Fact:
    at = write.at if write else None
    when = f" at {clock_time(at, now=scene.now)}" if at else ""
    by = f" by {write.manager}" if write else ""
    what = f"{change.path.removeprefix('spec.')} {change.before or 'none'} -> {change.after or 'none'}"
    return state(
        SPEC,
        entity=view.service.meta.entity,
        text=f"the selector of {label(view.service.meta.entity)} was changed ({what}){when}{by}",
        seen=[seen, *([drift.seen] if drift else [])],
        at=at,
        related=_concerned(view)[1:],
        strength=1.0 if drift else INFERRED,
        detector=DETECTOR.name,
        field=change.path,
        before=change.before,
        after=change.after,
        actor=write.manager if write else None,
    )


DETECTOR = Detector(name="cicd.selector_changed", emits=(SPEC,), needs=(Services,), detect=detect)
