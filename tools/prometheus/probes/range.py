"""Any PromQL over a time window: for people, models and runbooks that know what they want to see."""

from datetime import datetime

from pydantic import Field

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, seen
from tools.prometheus.curve import Curve, step_for

MOST_SERIES = 20
"""Series of 240 values that fit into one evidence body."""
FINEST = 15.0
"""Seconds: the shortest scrape interval in common use."""


class RangeArgs(Value):
    """The query and its window; the step follows from the window."""

    query: str = Field(min_length=1, max_length=4000)
    start: datetime
    end: datetime


class RangeView(Value):
    """The series, at most MOST_SERIES of them, each with at most 240 values."""

    query: str
    step: float
    """Seconds."""
    curves: tuple[Curve, ...]


async def _run(cluster: Cluster, args: RangeArgs) -> Observation[RangeView]:
    window = Window(start=args.start, end=args.end)
    step = step_for(window, finest=FINEST)
    answer = await client_of(cluster).range(args.query, window=window, step=step, most=MOST_SERIES)
    view = RangeView(query=args.query, step=step, curves=answer.curves)
    return seen(
        cluster,
        view,
        probe=PROBE.name,
        queries=[args.query],
        title=args.query[:60],
        window=window,
        complete=False,
        cut="; ".join(answer.notes) or None,
    )


PROBE = Probe(
    name="prometheus.range",
    source=Source.PROMETHEUS,
    describe="Evaluates a PromQL expression over a time window and returns series of at most 240 values.",
    args=RangeArgs,
    view=RangeView,
    run=_run,
)
