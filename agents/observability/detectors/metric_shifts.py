"""Which of all metrics of a workload moved most, without knowing what they mean."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.shift import Shift, find_shift, robust_score, share
from agents.reporting import state
from agents.wording import since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.wide import WideView

SHIFTED = FactSpec(
    kind=FactKind("metric.shifted"),
    role=FactRole.SYMPTOM,
    meaning="A metric of a workload went to another level.",
    attributes={
        "metric": "its name",
        "before": "median before, in its own unit (counters per second)",
        "after": "median since",
        "score": "distance in robust standard deviations",
    },
)
OUTLIER = FactSpec(
    kind=FactKind("metric.outlier"),
    role=FactRole.SYMPTOM,
    meaning="The latest value of a metric is far from all before.",
    attributes={"metric": "its name", "score": "distance in robust standard deviations, with its sign"},
)
NOISE = share(0.05, at_least=1e-9)
MOST = 5
"""Metrics of each kind that are told: the farthest."""
LEAST_CHANGE = 0.3
"""Share of the level before: less is a change of nothing."""
LEAST_SCORE = 8.0
"""Robust standard deviations. Among forty metrics of which each is tried, 3.5 would find some by chance."""
LEAST_HISTORY = 20


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """The metrics that moved farthest."""
    for seen in sightings.of(WideView):
        found = [
            (name, shift)
            for name, curve in seen.view.metrics.items()
            if (shift := find_shift(curve, floor=NOISE)) is not None and _matters(shift)
        ]
        found.sort(key=lambda one: (-one[1].score, one[0]))
        yield from (_shifted(seen, name, shift, scene) for name, shift in found[:MOST])
        moved = {name for name, _ in found}
        odd = [(name, _score(curve)) for name, curve in seen.view.metrics.items() if name not in moved]
        odd = sorted((one for one in odd if abs(one[1]) >= LEAST_SCORE), key=lambda one: (-abs(one[1]), one[0]))
        yield from (_outlier(seen, name, score) for name, score in odd[:MOST])


def _matters(shift: Shift) -> bool:
    return shift.score >= LEAST_SCORE and abs(shift.after - shift.before) >= LEAST_CHANGE * abs(shift.before)


def _score(curve: Curve) -> float:
    """How far the latest value lies from those before; 0 with too few of them."""
    known = [value for value in curve.values if value is not None]
    return robust_score(known[:-1], known[-1], floor=NOISE) if len(known) > LEAST_HISTORY else 0.0


def _shifted(seen: Observation[WideView], name: str, shift: Shift, scene: Scene) -> Fact:
    return state(
        SHIFTED,
        entity=seen.view.entity,
        text=f"{name} of {name_of(seen.view.entity)} went {shift.before:.4g} -> {shift.after:.4g}"
        + since(shift.at, until=shift.until, now=scene.now),
        seen=[seen],
        at=shift.at,
        until=shift.until,
        strength=0.6,
        detector=DETECTOR.name,
        metric=name,
        before=float(f"{shift.before:.4g}"),
        after=float(f"{shift.after:.4g}"),
        score=min(shift.score, 1e6),
    )


def _outlier(seen: Observation[WideView], name: str, score: float) -> Fact:
    side = "above" if score > 0 else "below"
    return state(
        OUTLIER,
        entity=seen.view.entity,
        text=f"{name} of {name_of(seen.view.entity)} is {abs(score):.0f} standard deviations {side} usual just now",
        seen=[seen],
        at=None,
        strength=0.4,
        detector=DETECTOR.name,
        metric=name,
        score=round(max(-1e6, min(score, 1e6)), 1),
    )


DETECTOR = Detector(name="observability.metric_shifts", emits=(SHIFTED, OUTLIER), needs=(WideView,), detect=detect)
