"""How a measure of a workload's requests went: now, the worst of the window, and the curve to show."""

from datetime import datetime, timedelta

from agents.enquiry.seen import Notebook
from agents.wording import clock_time, percent
from incidents.enquiry import Drawing, Measure
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import PROBE as RED
from tools.prometheus.probes.red import RedArgs, RedView

WINDOW = timedelta(hours=1)
BEFORE = timedelta(minutes=30)
"""Of the time before an incident's onset."""
UNITS = {Measure.P50: "seconds", Measure.P99: "seconds", Measure.ERRORS: "ratio", Measure.TRAFFIC: "requests/s"}
NAMES = {
    Measure.P50: "median latency",
    Measure.P99: "p99 latency",
    Measure.ERRORS: "failed requests",
    Measure.TRAFFIC: "requests",
}


async def answer(
    workload: Workload, _: Observation[Workloads], notes: Notebook, *, measure: Measure, onset: datetime | None = None
) -> Drawing | None:
    """Note the figures; the curve, when there is one."""
    start = min(notes.now - WINDOW, onset - BEFORE) if onset else notes.now - WINDOW
    seen = await notes.look(RED, RedArgs(entity=workload.meta.entity, start=start, end=notes.now))
    if seen is None:
        return None
    name, curve = workload.meta.name, _curve(seen.view, measure)
    points = tuple(curve.points()) if curve else ()
    if not points:
        notes.tell(f"Prometheus has no {NAMES[measure]} of {name}", seen=seen)
        return None
    worst_at, worst = max(points, key=lambda point: point[1])
    last_at, last = points[-1]
    now, then = clock_time(last_at, now=notes.now), clock_time(worst_at, now=notes.now)
    unit = UNITS[measure]
    notes.tell(
        f"{NAMES[measure]} of {name}: {said(last, unit)} at {now}, at most {said(worst, unit)} at {then}", seen=seen
    )
    marks = ((onset, "onset"),) if onset else ()
    return Drawing(title=f"{NAMES[measure]} of {name}", unit=unit, points=points, marks=marks)


def _curve(view: RedView, measure: Measure) -> Curve | None:
    match measure:
        case Measure.P50:
            return view.p50
        case Measure.P99:
            return view.p99
        case Measure.ERRORS:
            return view.error_ratio
        case Measure.TRAFFIC:
            return view.traffic


def said(value: float, unit: str) -> str:
    """`240 ms`, `7.1 %`, `34 requests/s`."""
    match unit:
        case "seconds":
            return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2g} s"
        case "ratio":
            return percent(value)
        case _:
            return f"{value:.3g} {unit}"
