"""The story of an incident, line by line, and the notification that lets a page follow it live.

A trigger sends `NOTIFY midwatch_timeline, '<incident> <seq>'` for every line.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import psycopg
from sqlalchemy import ColumnElement, Index, func, literal_column, text
from sqlmodel import col, select

from incidents.canonical import utc
from incidents.ids import IncidentId
from incidents.incident import EventKind, TimelineEvent
from incidents.value import Scalar, Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.database import Store, libpq_url
from orchestrator.store.transaction import Tx

CHANNEL = "midwatch_timeline"
KEEP_ALIVE_SECONDS = 15.0
"""`follow` says that nothing happened after that long, so that a page notices a dead connection."""


WORDS: ColumnElement[str] = literal_column("'simple'")
"""How text is taken apart for searching: by words as they are written, because names and figures have no grammar."""


def searchable() -> ColumnElement[str]:
    """The words of a line; an index is kept of them."""
    return func.to_tsvector(WORDS, literal_column("text"))


class TimelineRow(Row, table=True):
    """One line."""

    __tablename__ = "timeline_event"
    __table_args__ = (
        Index(
            "uq_timeline_event_incident_id_key", "incident_id", "key", unique=True, postgresql_where=text("key <> ''")
        ),
        Index("ix_timeline_event_words", searchable(), postgresql_using="gin"),
    )

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    seq: int = columns.number(key=True)
    at: datetime = columns.moment()
    kind: EventKind = columns.word(EventKind)
    actor: str = columns.text()
    text: str = columns.text()
    refs: tuple[str, ...] = columns.document(tuple[str, ...])
    data: dict[str, Scalar] = columns.document(dict[str, Scalar])
    key: str = columns.text()
    """Names the line within its incident, so that a node that runs again does not tell it twice; empty: always told."""


class Line(Value):
    """One line that is to be told."""

    incident: IncidentId
    kind: EventKind
    actor: str
    text: str
    refs: tuple[str, ...] = ()
    data: dict[str, Scalar] = {}
    key: str = ""
    """Of the lines of an incident with one key, the first one is told; all are that have none."""


_APPEND = text(
    """
    WITH new AS (SELECT * FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb))
                     AS (incident text, kind text, actor text, text text, refs jsonb, data jsonb, key text))
                     WITH ORDINALITY AS line (incident, kind, actor, text, refs, data, key, place)),
         untold AS (SELECT new.* FROM new LEFT JOIN timeline_event AS told
                        ON told.incident_id = new.incident AND told.key = new.key AND told.key <> ''
                    WHERE told.incident_id IS NULL),
         counted AS (UPDATE incident SET event_seq = event_seq + lines.number
                     FROM (SELECT incident, count(*) AS number FROM untold GROUP BY incident) AS lines
                     WHERE incident.id = lines.incident
                     RETURNING incident.id, incident.event_seq - lines.number AS before)
    INSERT INTO timeline_event (incident_id, seq, at, kind, actor, text, refs, data, key)
    SELECT id, before + row_number() OVER (PARTITION BY id ORDER BY place), :at, kind, actor, text, refs, data, key
    FROM untold JOIN counted ON counted.id = untold.incident
    """
)
_LOCK = text("SELECT 1 FROM incident WHERE id = :incident FOR NO KEY UPDATE")
"""Lines of one incident are numbered one after the other; another incident's do not wait."""


async def append_event(
    tx: Tx,
    incident: IncidentId,
    *,
    kind: EventKind,
    actor: str,
    text: str,
    at: datetime,
    refs: Sequence[str] = (),
    data: dict[str, Scalar] | None = None,
    key: str = "",
) -> None:
    """Tell one line, unless one with this key was told before."""
    if incident not in tx.held:
        await tx.execute(_LOCK, {"incident": incident})
    line = Line(incident=incident, kind=kind, actor=actor, text=text, refs=tuple(refs), data=data or {}, key=key)
    await append_events(tx, [line], at=at)


async def append_events(tx: Tx, lines: Sequence[Line], *, at: datetime) -> None:
    """Tell many lines at once, those of one incident in their order.

    The caller holds the rows of the incidents (a transaction with a lease does, or `lock_incident`, in one order
    everywhere) or has just made them.
    """
    seen: set[tuple[IncidentId, str]] = set()
    rows = []
    for line in lines:
        if not line.key or (line.incident, line.key) not in seen:
            seen.add((line.incident, line.key))
            rows.append(line.model_dump(mode="json"))
    if rows:
        await tx.execute(_APPEND, {"rows": columns.dumps(columns.storable(rows)), "at": utc(at)})


async def timeline_of(tx: Tx, incident: IncidentId, *, after: int = 0, limit: int = 1000) -> tuple[TimelineEvent, ...]:
    """Lines with a sequence number above `after`, in order."""
    rows = await tx.scalars(
        select(TimelineRow)
        .where(col(TimelineRow.incident_id) == incident, col(TimelineRow.seq) > after)
        .order_by(col(TimelineRow.seq))
        .limit(limit)
    )
    return tuple(told(row) for row in rows)


async def follow(
    store: Store, *, keep_alive: float = KEEP_ALIVE_SECONDS
) -> AsyncIterator[tuple[IncidentId, int] | None]:
    """(incident, seq) of every line as it is committed, from now on; None when nothing came for `keep_alive` seconds.

    Ends with psycopg.OperationalError when the connection breaks: follow again and read what was missed by
    `timeline_of`.
    """
    async with await psycopg.AsyncConnection.connect(
        libpq_url(store.url), autocommit=True, connect_timeout=10
    ) as listener:
        await listener.execute(f"LISTEN {CHANNEL}".encode())
        while True:
            quiet = True
            async for note in listener.notifies(timeout=keep_alive, stop_after=1):
                incident, seq = note.payload.split(" ")
                quiet = False
                yield IncidentId(incident), int(seq)
            if quiet:
                yield None


def told(row: TimelineRow) -> TimelineEvent:
    """The domain value of a row."""
    return TimelineEvent(
        incident=row.incident_id,
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        actor=row.actor,
        text=row.text,
        refs=tuple(row.refs),
        data=row.data,
    )
