"""Requests of a service before a moment beside such since: which operation became slow, and what it does more often."""

from datetime import datetime

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.observing import configured, observed
from tools.probe import Observation, Probe
from tools.traces.client import SYSTEM
from tools.traces.reading import read, selector
from tools.traces.span import Trace

MOST_EACH = 10
"""Traces of each side: enough for a median per operation."""


class OperationsArgs(Value):
    """Whose requests: those from `start` to `since` are compared with those from `since` to `end`."""

    entity: EntityId
    start: datetime
    since: datetime
    end: datetime


class OperationsView(Value):
    """Whole traces of both sides."""

    entity: EntityId
    since: datetime
    before: tuple[Trace, ...]
    after: tuple[Trace, ...]


async def _run(cluster: Cluster, args: OperationsArgs) -> Observation[OperationsView]:
    client = configured(cluster.traces, system=SYSTEM, cluster=cluster.name)
    entity, query = Entity.parse(args.entity), selector(Entity.parse(args.entity))
    earlier, later = Window(start=args.start, end=args.since), Window(start=args.since, end=args.end)
    before = await read(client, query, window=earlier, limit=MOST_EACH)
    after = await read(client, query, window=later, limit=MOST_EACH)
    whole = Window(start=args.start, end=args.end)
    return observed(
        OperationsView(entity=args.entity, since=args.since, before=before, after=after),
        probe=PROBE.name,
        source=Source.TRACES,
        query=client.describe(query, window=whole, limit=MOST_EACH),
        at=cluster.clock.now(),
        title=f"requests of {entity.label} before and since {args.since:%H:%M}",
        window=whole,
        entities=(args.entity,),
        complete=False,
    )


PROBE = Probe(
    name="traces.operations",
    source=Source.TRACES,
    describe="Whole traces of a service from before a moment and since: where time goes now that it did not go before.",
    args=OperationsArgs,
    view=OperationsView,
    run=_run,
)
