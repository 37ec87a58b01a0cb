"""The lines that a workload's containers wrote around a moment."""

from datetime import datetime

from pydantic import Field

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.loki.client import SYSTEM
from tools.loki.line import LogLine
from tools.loki.selecting import read
from tools.observing import configured, observed
from tools.probe import Observation, Probe

DEFAULT_LINES = 200


class LogsArgs(Value):
    """Whose lines, when, and which: a regular expression (RE2) when only some are wanted."""

    entity: EntityId
    start: datetime
    end: datetime
    matching: str = Field(default="", max_length=500)
    limit: int = Field(default=DEFAULT_LINES, ge=1, le=1000)


class LogsView(Value):
    """The latest lines of the window, in the order of time."""

    entity: EntityId
    lines: tuple[LogLine, ...]


async def _run(cluster: Cluster, args: LogsArgs) -> Observation[LogsView]:
    client = configured(cluster.loki, system=SYSTEM, cluster=cluster.name)
    entity, window = Entity.parse(args.entity), Window(start=args.start, end=args.end)
    query, answer = await read(client, entity, window=window, limit=args.limit, backward=True, matching=args.matching)
    more = (f"only the latest {args.limit} lines",) if answer.more else ()
    return observed(
        LogsView(entity=args.entity, lines=answer.lines),
        probe=PROBE.name,
        source=Source.LOKI,
        query=client.describe(query, window=window, limit=args.limit),
        at=cluster.clock.now(),
        title=f"log lines of {entity.label}",
        window=window,
        entities=(args.entity,),
        complete=False,
        cut="; ".join((*answer.notes, *more)) or None,
    )


PROBE = Probe(
    name="loki.logs",
    source=Source.LOKI,
    describe="Log lines of a workload in a time window, optionally only those that match a regular expression.",
    args=LogsArgs,
    view=LogsView,
    run=_run,
)
