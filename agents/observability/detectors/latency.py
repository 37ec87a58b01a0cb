"""Workloads that answer more slowly than before."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import latency
from agents.observability.shift import find_shift, share
from agents.reporting import state
from agents.wording import since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.probes.red import RedView

LATENCY = FactSpec(
    kind=FactKind("latency.elevated"),
    role=FactRole.SYMPTOM,
    meaning="A workload's slowest requests take longer than before.",
    attributes={
        "p99_s": "99th percentile since the onset, seconds",
        "baseline_s": "99th percentile before, seconds",
        "p50_s": "median since the onset, seconds",
    },
)
LEAST_RATIO = 1.5
"""Half as long again: less is within what a histogram's buckets can tell."""
LEAST_RISE = 0.05
"""Seconds: less nobody notices behind a network."""
NOISE = share(0.1, at_least=0.005)
"""Percentiles of histograms ripple by a tenth of themselves."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload."""
    for seen in sightings.of(RedView):
        shift = find_shift(seen.view.p99, floor=NOISE) if seen.view.p99 else None
        if shift is None or shift.after < max(LEAST_RATIO * shift.before, shift.before + LEAST_RISE):
            continue
        middle = seen.view.p50.between(shift.at, shift.until) if seen.view.p50 else []
        change = f"p99 of {name_of(seen.view.entity)} went {latency(shift.before)} -> {latency(shift.after)}"
        yield state(
            LATENCY,
            entity=seen.view.entity,
            text=change + since(shift.at, until=shift.until, now=scene.now),
            seen=[seen],
            at=shift.at,
            until=shift.until,
            detector=DETECTOR.name,
            p99_s=round(shift.after, 4),
            baseline_s=round(shift.before, 4),
            p50_s=round(sorted(middle)[len(middle) // 2], 4) if middle else None,
        )


DETECTOR = Detector(name="observability.latency", emits=(LATENCY,), needs=(RedView,), detect=detect)
