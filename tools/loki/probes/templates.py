"""What a workload's logs say since a moment that they did not say before: kinds of lines with their counts."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.loki.client import SYSTEM, LokiClient
from tools.loki.line import LogLine
from tools.loki.mining import LogTemplate, mine
from tools.loki.selecting import read
from tools.observing import configured, observed
from tools.probe import Observation, Probe

LINES_EACH = 1000
"""Lines read before, after and of the newest: Loki's own limit is 5,000, and kinds repeat long before."""


class TemplatesArgs(Value):
    """Whose lines; what was written from `start` to `since` is compared with what was written from `since` to `end`."""

    entity: EntityId
    start: datetime
    since: datetime
    end: datetime


class TemplatesView(Value):
    """The kinds of lines, new ones first."""

    entity: EntityId
    since: datetime
    lines_before: int
    lines_after: int
    minutes_before: float
    """Minutes that the lines before really cover; fewer than asked for when the limit cut them."""
    minutes_after: float
    """The same of the lines after: the first ones, and where those do not reach the end the newest as well."""
    templates: tuple[LogTemplate, ...] = ()


async def _run(cluster: Cluster, args: TemplatesArgs) -> Observation[TemplatesView]:
    client = configured(cluster.loki, system=SYSTEM, cluster=cluster.name)
    entity = Entity.parse(args.entity)
    earlier, later = Window(start=args.start, end=args.since), Window(start=args.since, end=args.end)
    _, before = await read(client, entity, window=earlier, limit=LINES_EACH, backward=True)
    query, after = await _since(client, entity, window=later)
    kept = [line for line in before.lines if line.at < args.since]
    begun = kept[0].at if before.more and kept else args.start
    since = [*after.first, *after.newest]
    view = TemplatesView(
        entity=args.entity,
        since=args.since,
        lines_before=len(kept),
        lines_after=len(since),
        minutes_before=_minutes(begun, args.since),
        minutes_after=_minutes(args.since, args.end) - _minutes(*(after.unread or (args.end, args.end))),
        templates=await asyncio.to_thread(
            mine, [*kept, *since], since=args.since, resumed=after.unread[1] if after.unread else None
        ),
    )
    cuts = [
        *([f"{LINES_EACH} lines before"] if before.more else []),
        *([f"the first and the newest {LINES_EACH} lines after"] if after.unread else []),
    ]
    whole = Window(start=args.start, end=args.end)
    return observed(
        view,
        probe=PROBE.name,
        source=Source.LOKI,
        query=client.describe(query, window=whole, limit=LINES_EACH),
        at=cluster.clock.now(),
        title=f"what the logs of {entity.label} say since {args.since:%H:%M}",
        window=whole,
        entities=(args.entity,),
        complete=bool(kept and since),
        cut=f"only {' and '.join(cuts)} were read" if cuts else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Later:
    """Lines since the moment: the first, and the newest where the first are not all."""

    first: tuple[LogLine, ...]
    newest: tuple[LogLine, ...] = ()
    unread: tuple[datetime, datetime] | None = None
    """Between these, lines were left out."""


async def _since(client: LokiClient, entity: Entity, *, window: Window) -> tuple[str, _Later]:
    query, first = await read(client, entity, window=window, limit=LINES_EACH, backward=False)
    if not first.more:
        return query, _Later(first=first.lines)
    reached = first.lines[-1].at
    rest = Window(start=reached, end=window.end)
    _, answer = await read(client, entity, window=rest, limit=LINES_EACH, backward=True)
    newest = tuple(line for line in answer.lines if line.at > reached)
    left_out = (reached, newest[0].at) if answer.more and newest else None
    return query, _Later(first=first.lines, newest=newest, unread=left_out)


def _minutes(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds() / 60, 2)


PROBE = Probe(
    name="loki.templates",
    source=Source.LOKI,
    describe="Kinds of log lines of a workload, before against after a moment: which are new, which surged.",
    args=TemplatesArgs,
    view=TemplatesView,
    run=_run,
)
