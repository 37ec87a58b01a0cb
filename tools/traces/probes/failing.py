"""Traces in which a service's spans failed: where below it the failure began is in the same traces."""

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

MOST_TRACES = 12
"""A dozen failing requests show where they fail; more say the same."""


class FailingArgs(Value):
    """Whose spans, and in which window."""

    entity: EntityId
    start: datetime
    end: datetime


class FailingView(Value):
    """Whole traces with failing spans of the service."""

    entity: EntityId
    traces: tuple[Trace, ...]


async def _run(cluster: Cluster, args: FailingArgs) -> Observation[FailingView]:
    client = configured(cluster.traces, system=SYSTEM, cluster=cluster.name)
    entity, window = Entity.parse(args.entity), Window(start=args.start, end=args.end)
    query = selector(entity, more="status = error")
    traces = await read(client, query, window=window, limit=MOST_TRACES)
    return observed(
        FailingView(entity=args.entity, traces=traces),
        probe=PROBE.name,
        source=Source.TRACES,
        query=client.describe(query, window=window, limit=MOST_TRACES),
        at=cluster.clock.now(),
        title=f"failing requests of {entity.label}",
        window=window,
        entities=(args.entity,),
        complete=False,
        cut=f"only {MOST_TRACES} traces were read" if len(traces) >= MOST_TRACES else None,
    )


PROBE = Probe(
    name="traces.failing",
    source=Source.TRACES,
    describe="Whole traces in which spans of a service failed: shows in which service and operation a failure begins.",
    args=FailingArgs,
    view=FailingView,
    run=_run,
)
