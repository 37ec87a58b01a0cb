"""Any PromQL at one instant: for people, models and runbooks that know what they want to see."""

from datetime import datetime

from pydantic import Field

from incidents.evidence import Source
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, seen
from tools.prometheus.client import Sample

MOST_SERIES = 50


class InstantArgs(Value):
    """The query, and when; now when no time is given."""

    query: str = Field(min_length=1, max_length=4000)
    at: datetime | None = None


class InstantView(Value):
    """The values, at most MOST_SERIES of them."""

    query: str
    at: datetime
    samples: tuple[Sample, ...]


async def _run(cluster: Cluster, args: InstantArgs) -> Observation[InstantView]:
    at = args.at or cluster.clock.now()
    answer = await client_of(cluster).query(args.query, at=at, most=MOST_SERIES)
    view = InstantView(query=args.query, at=at, samples=answer.samples)
    return seen(
        cluster,
        view,
        probe=PROBE.name,
        queries=[args.query],
        title=f"{args.query[:60]} at {at:%H:%M:%S}",
        complete=False,
        cut="; ".join(answer.notes) or None,
    )


PROBE = Probe(
    name="prometheus.instant",
    source=Source.PROMETHEUS,
    describe="Evaluates a PromQL expression at one instant and returns its values.",
    args=InstantArgs,
    view=InstantView,
    run=_run,
)
