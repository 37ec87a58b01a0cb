"""Workloads whose requests fail more often than before."""

from collections.abc import Iterable
from datetime import datetime
from re import compile as pattern

from agents.detector import Detector, Scene, Sightings
from agents.observability.shift import Shift, find_shift, share
from agents.reporting import state
from agents.wording import percent, since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import RedView

ERRORS = FactSpec(
    kind=FactKind("errors.elevated"),
    role=FactRole.SYMPTOM,
    meaning="A larger share of a workload's requests fails than before.",
    attributes={
        "rate": "share of requests that fail since the onset, 0..1",
        "baseline": "share that failed before, 0..1",
        "per_minute": "failed requests per minute since the onset",
        "code": "the status code that most of them have",
    },
)
LEAST_RISE = 0.005
"""Half a percent more: five times the error budget of a 99.9 % objective (Google SRE workbook, chapter 5)."""
LEAST_RATIO = 2.0
"""Twice what it was before."""
ALWAYS_BAD = 0.05
"""One request in twenty: nobody calls that healthy, however long it has been so."""
NOISE = share(0.1, at_least=0.0005)
"""Error ratios ripple by a tenth of themselves, and by single requests."""
UNSURE = 0.7
"""Strength of what is high, but was never seen to be lower."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload."""
    for seen in sightings.of(RedView):
        curve = seen.view.error_ratio
        if curve is not None and (fact := _risen(seen, curve, scene) or _always(seen, curve)) is not None:
            yield fact


def _risen(seen: Observation[RedView], curve: Curve, scene: Scene) -> Fact | None:
    shift = find_shift(curve, floor=NOISE) or find_shift(curve, floor=NOISE, smooth=True)
    if shift is None or shift.after < max(shift.before + LEAST_RISE, LEAST_RATIO * shift.before):
        return None
    code, per_minute = _worst(seen.view, shift.at), _per_minute(seen.view, shift)
    before = f" ({percent(shift.before)} before)"
    what = f"{percent(shift.after)} of requests to {name_of(seen.view.entity)} fail with {code}"
    text = f"{what}, about {per_minute:.0f} a minute"
    return state(
        ERRORS,
        entity=seen.view.entity,
        text=text + since(shift.at, until=shift.until, now=scene.now) + before,
        seen=[seen],
        at=shift.at,
        until=shift.until,
        detector=DETECTOR.name,
        rate=round(shift.after, 4),
        baseline=round(shift.before, 4),
        per_minute=round(per_minute, 1),
        code=code,
    )


def _always(seen: Observation[RedView], curve: Curve) -> Fact | None:
    known = sorted(value for _, value in curve.points())
    level = known[len(known) // 2] if known else 0.0
    if level < ALWAYS_BAD:
        return None
    return state(
        ERRORS,
        entity=seen.view.entity,
        text=f"{percent(level)} of requests to {name_of(seen.view.entity)} fail with {_worst(seen.view, None)}, "
        "for as long as was looked at",
        seen=[seen],
        at=None,
        strength=UNSURE,
        detector=DETECTOR.name,
        rate=round(level, 4),
        code=_worst(seen.view, None),
    )


def _worst(view: RedView, at: datetime | None) -> str:
    """The failing code that came most often since a moment."""
    failing = pattern(view.metrics.failed) if view.metrics else pattern("")
    counted = {code: sum(curve.between(at, None)) for code, curve in view.codes.items() if failing.fullmatch(code)}
    return max(counted, key=lambda code: (counted[code], code)) if counted else "errors"


def _per_minute(view: RedView, shift: Shift) -> float:
    failed = view.failed.between(shift.at, shift.until) if view.failed else []
    return 60 * sum(failed) / len(failed) if failed else 0.0


DETECTOR = Detector(name="observability.errors", emits=(ERRORS,), needs=(RedView,), detect=detect)
