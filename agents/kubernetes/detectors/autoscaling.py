"""Autoscalers that are at their end, blind, or have just scaled."""

import re
from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.autoscalers import MEASURED, at_end
from agents.kubernetes.sighted import SeenEvent, events_of, fresh, name
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.autoscaler import Autoscaler, Autoscalers
from tools.probe import Observation

AT_MAX = FactSpec(
    kind=FactKind("hpa.at_max"),
    role=FactRole.STATE,
    meaning="An autoscaler is at its maximum and wants more pods.",
    attributes={"max": "its maximum", **MEASURED},
)
CANNOT_READ = FactSpec(
    kind=FactKind("hpa.cannot_read_metrics"),
    role=FactRole.MECHANISM,
    meaning="An autoscaler cannot read its metrics and no longer scales.",
    attributes={
        "reason": "FailedGetResourceMetric and the like",
        "max": "its maximum",
        "current": "present pods",
        "missing": "request when a container lacks the request, api when nobody serves the metric, pods when none "
        "reports, other",
    },
)
SCALED = FactSpec(
    kind=FactKind("hpa.scaled"),
    role=FactRole.CHANGE,
    meaning="An autoscaler changed the number of pods.",
    attributes={"from": "pods before, when known", "to": "pods after", "why": "its reason"},
)
_SIZE = re.compile(r"New size: (?P<to>\d+); reason: (?P<why>.*)")
_STEP = re.compile(r"from (?P<from>\d+)(?: to (?P<to>\d+))?|to \d+ from (?P<older>\d+)")
_MISSING: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("request", re.compile(r"missing request for")),
    (
        "pods",
        re.compile(r"no metrics returned|did not receive metrics|no pods returned|unable to calculate ready pods"),
    ),
    (
        "api",
        re.compile(r"could not find the requested resource|unable to fetch metrics|not available|no such|unauthorized"),
    ),
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Facts of every autoscaler whose target has a name here."""
    rescales = events_of(sightings, "SuccessfulRescale")
    for seen in sightings.of(Autoscalers):
        for scaler in seen.view.autoscalers:
            if scaler.target is None:
                continue
            limited = scaler.condition("ScalingLimited")
            wants_more = limited is not None and limited.holds and limited.reason == "TooManyReplicas"
            if scaler.maximum > 0 and scaler.current >= scaler.maximum and (wants_more or limited is None):
                yield _at_max(scaler, scaler.target, seen, scene)
            active = scaler.condition("ScalingActive")
            if active is not None and not active.holds and active.reason != "ScalingDisabled":
                yield _blind(scaler, scaler.target, seen, scene)
            own = [one for one in rescales if one.event.entity == scaler.meta.entity]
            if own and fresh(own[-1].event.last, scene):
                yield from _scaled(scaler, scaler.target, own[-1], scene, sightings)


def _at_max(scaler: Autoscaler, target: EntityId, seen: Observation[Autoscalers], scene: Scene) -> Fact:
    limited = scaler.condition("ScalingLimited")
    at = limited.changed if limited else scaler.last_scaled
    return at_end(AT_MAX, scaler, target, seen, scene, end="max", at=at, detector=DETECTOR.name)


def _blind(scaler: Autoscaler, target: EntityId, seen: Observation[Autoscalers], scene: Scene) -> Fact:
    active = scaler.condition("ScalingActive")
    message, reason = (active.message, active.reason) if active else ("", "")
    at = active.changed if active else None
    return state(
        CANNOT_READ,
        entity=target,
        text=f"autoscaler {scaler.meta.name} of {name(target)} cannot read its metrics ({reason})"
        f"{since(at, now=scene.now)}",
        seen=[seen],
        at=at,
        related=[scaler.meta.entity],
        detector=DETECTOR.name,
        reason=reason,
        max=scaler.maximum,
        current=scaler.current,
        missing=next((kind for kind, pattern in _MISSING if pattern.search(message)), "other"),
    )


def _scaled(
    scaler: Autoscaler, target: EntityId, event: SeenEvent, scene: Scene, sightings: Sightings
) -> Iterable[Fact]:
    match = _SIZE.search(event.event.message)
    if match is None:
        return
    before = _before(target, int(match["to"]), sightings)
    yield state(
        SCALED,
        entity=target,
        text=f"{name(target)} was scaled to {match['to']} pods by autoscaler {scaler.meta.name}"
        f"{since(event.event.last, now=scene.now).replace(' since', ' at')}",
        seen=[event.seen],
        at=event.event.last,
        related=[scaler.meta.entity],
        detector=DETECTOR.name,
        more={"from": before, "to": int(match["to"]), "why": match["why"]},
    )


def _before(target: EntityId, after: int, sightings: Sightings) -> int | None:
    """From the Deployment controller's `Scaled up replica set x from 2 to 4` (older: `to 4`)."""
    for one in reversed(events_of(sightings, "ScalingReplicaSet")):
        match = _STEP.search(one.event.message)
        if one.event.entity == target and match and (match["to"] in (None, str(after))):
            return int(match["from"] or match["older"])
    return None


DETECTOR = Detector(
    name="kubernetes.autoscaling", emits=(AT_MAX, CANNOT_READ, SCALED), needs=(Autoscalers,), detect=detect
)
