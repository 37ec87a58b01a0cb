"""Workloads that get far more requests than before, or far fewer."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import rate
from agents.observability.shift import Shift, find_shift, share
from agents.reporting import state
from agents.wording import since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import RedView

_ATTRIBUTES = {
    "rps": "requests per second since",
    "baseline": "requests per second before",
    "ratio": "since divided by before",
}
SURGE = FactSpec(
    kind=FactKind("traffic.surge"),
    role=FactRole.CHANGE,
    meaning="A workload gets far more requests than before.",
    attributes=_ATTRIBUTES,
)
DROP = FactSpec(
    kind=FactKind("traffic.drop"),
    role=FactRole.SYMPTOM,
    meaning="A workload gets far fewer requests than before, or reports none any more.",
    attributes=_ATTRIBUTES,
)
SURGE_RATIO = 1.5
"""Half as much again within minutes is no time of the day: a daily wave of factor 3 rises by 15 % in half an hour."""
DROP_RATIO = 0.5
LEAST_RATE = 1.0
"""Requests per second that a surge adds at least, or that a drop falls from: below it single users make a wave."""
SILENT_POINTS = 4
"""Samples without any request at the end that make silence."""
NOISE = share(0.05, at_least=0.05)
UNSURE = 0.7
"""Strength of silence: the requests may be missing, or only the samples."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """At most one fact per workload."""
    for seen in sightings.of(RedView):
        if seen.view.traffic is None:
            continue
        curve, silent = _with_silence(seen.view.traffic)
        shift = find_shift(curve, floor=NOISE)
        if shift is None or (spec := _kind(shift)) is None:
            continue
        gone = silent and shift.after == 0
        moved = f"requests to {name_of(seen.view.entity)} went {rate(shift.before)} -> {rate(shift.after)}"
        words = f"no requests to {name_of(seen.view.entity)} are reported" if gone else moved
        yield state(
            spec,
            entity=seen.view.entity,
            text=words
            + since(shift.at, until=shift.until, now=scene.now)
            + (f", {rate(shift.before)} before" if gone else ""),
            seen=[seen],
            at=shift.at,
            until=shift.until,
            strength=UNSURE if gone else 1.0,
            detector=DETECTOR.name,
            rps=round(shift.after, 3),
            baseline=round(shift.before, 3),
            ratio=round(shift.ratio, 3) if shift.ratio is not None else None,
        )


def _kind(shift: Shift) -> FactSpec | None:
    if shift.after >= max(SURGE_RATIO * shift.before, shift.before + LEAST_RATE):
        return SURGE
    return DROP if shift.before >= LEAST_RATE and shift.after <= DROP_RATIO * shift.before else None


def _with_silence(curve: Curve) -> tuple[Curve, bool]:
    """The curve with zeros where it ends early: a workload whose pods are gone counts no requests any more."""
    last = max((index for index, value in enumerate(curve.values) if value is not None), default=-1)
    missing = len(curve.values) - 1 - last
    if last < 0 or missing < SILENT_POINTS:
        return curve, False
    return curve.model_copy(update={"values": (*curve.values[: last + 1], *([0.0] * missing))}), True


DETECTOR = Detector(name="observability.traffic", emits=(SURGE, DROP), needs=(RedView,), detect=detect)
