"""Autoscalers that go up and down without rest, and those that stand at a minimum below which they would like to go."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.autoscalers import MEASURED, at_end
from agents.kubernetes.sighted import SeenEvent, earliest, events_of, name
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.autoscaler import Autoscaler, Autoscalers
from tools.probe import Observation

FLAPPING = FactSpec(
    kind=FactKind("hpa.flapping"),
    role=FactRole.MECHANISM,
    meaning="An autoscaler adds pods and takes them away again, time after time.",
    attributes={
        "times": "how often it scaled within the hour",
        "lowest": "fewest pods",
        "highest": "most pods",
        "window_s": "seconds of calm before it scales down, where its behaviour says so",
    },
)
AT_MIN = FactSpec(
    kind=FactKind("hpa.at_min"),
    role=FactRole.STATE,
    meaning="An autoscaler went down to its minimum and wants no more pods: what it measures is below its target.",
    attributes={"min": "its minimum", **MEASURED},
)
WITHIN = timedelta(hours=1)
"""How long the API server keeps events, by default (`--event-ttl`)."""
OFTEN = 6
"""Scalings within the hour. The default window of calm (5 minutes) allows a way up and down every ten minutes at most,
which a load has to be made for; a load that rises and falls once makes two or three steps each way."""
_FIGURE = re.compile(r"\d+(?:\.\d+)?")
_SIZE = re.compile(r"New size: (?P<to>\d+); reason: (?P<why>.*)")


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Up to two facts per autoscaler whose target has a name here."""
    rescales = events_of(sightings, "SuccessfulRescale")
    for seen in sightings.of(Autoscalers):
        for scaler in seen.view.autoscalers:
            if scaler.target is None:
                continue
            own = [one for one in rescales if one.event.entity == scaler.meta.entity and _recent(one, scene)]
            if _flaps(own):
                yield _flapping(scaler, scaler.target, own, seen, scene)
            came_down = any("below" in one.event.message for one in own)  # at rest there every night is no news
            if scaler.current == scaler.minimum and came_down and _content(scaler):
                at, told = scaler.last_scaled, DETECTOR.name
                yield at_end(AT_MIN, scaler, scaler.target, seen, scene, end="min", at=at, detector=told)


def _content(scaler: Autoscaler) -> bool:
    """Whether it wants no more pods: it would even go lower, or all that it measures is below its target."""
    limited = scaler.condition("ScalingLimited")
    if limited is not None and limited.holds and limited.reason == "TooFewReplicas":
        return True
    pairs = [(_number(one.current), _number(one.target)) for one in scaler.metrics]
    known = [(current, target) for current, target in pairs if current is not None and target]
    return bool(known) and all(current < target for current, target in known)


def _number(written: str) -> float | None:
    """The figure of `70%`, `500m`, `12`; both sides of a metric are written in the same unit."""
    match = _FIGURE.match(written)
    return float(match[0]) / (1000 if written.endswith("m") else 1) if match else None


def _recent(one: SeenEvent, scene: Scene) -> bool:
    return one.event.last is not None and scene.now - one.event.last <= WITHIN


def _flaps(own: Sequence[SeenEvent]) -> bool:
    """Whether it scaled often, and went up again after it had gone down, and down after it had gone up."""
    up = [one for one in own if "above" in one.event.message]
    down = [one for one in own if "below" in one.event.message]
    if sum(one.event.count for one in own) < OFTEN or not up or not down:
        return False
    return _first(up) < _last(down) and _first(down) < _last(up)


def _first(events: Sequence[SeenEvent]) -> datetime:
    return min(moment for one in events if (moment := one.event.first or one.event.last))


def _last(events: Sequence[SeenEvent]) -> datetime:
    return max(one.event.last for one in events if one.event.last)


def _flapping(
    scaler: Autoscaler, target: EntityId, own: Sequence[SeenEvent], seen: Observation[Autoscalers], scene: Scene
) -> Fact:
    sizes = sorted(int(match["to"]) for one in own if (match := _SIZE.search(one.event.message)))
    times, at = sum(one.event.count for one in own), earliest(one.event.first or one.event.last for one in own)
    calm = f", with {scaler.scale_down_window_s} s of calm before it scales down" if _hasty(scaler) else ""
    return state(
        FLAPPING,
        entity=target,
        text=f"the autoscaler of {name(target)} scaled {times} times between {sizes[0]} and {sizes[-1]} pods"
        f"{since(at, now=scene.now)}{calm}",
        seen=[seen, *(one.seen for one in own[:3])],
        at=at,
        related=[scaler.meta.entity],
        detector=DETECTOR.name,
        times=times,
        lowest=sizes[0],
        highest=sizes[-1],
        window_s=scaler.scale_down_window_s,
    )


def _hasty(scaler: Autoscaler) -> bool:
    return scaler.scale_down_window_s is not None


DETECTOR = Detector(name="kubernetes.autoscaler_moves", emits=(FLAPPING, AT_MIN), needs=(Autoscalers,), detect=detect)
