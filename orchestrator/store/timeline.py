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


_APPEND = text(
    """
    WITH told AS (SELECT 1 FROM timeline_event WHERE incident_id = :incident AND key = :key AND key <> ''),
         counted AS (UPDATE incident SET event_seq = event_seq + 1
                     WHERE id = :incident AND NOT EXISTS (SELECT 1 FROM told) RETURNING event_seq)
    INSERT INTO timeline_event (incident_id, seq, at, kind, actor, text, refs, data, key)
    SELECT :incident, event_seq, :at, :kind, :actor, :text, CAST(:refs AS jsonb), CAST(:data AS jsonb), :key
    FROM counted
    RETURNING seq
    """
)


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
) -> int | None:
    """Tell one line; its sequence number, or None when a line with this key was told before."""
    await tx.execute(_LOCK, {"incident": incident})
    values = {
        "incident": incident,
        "at": utc(at),
        "kind": kind.value,
        "actor": columns.storable(actor),
        "text": columns.storable(text),
        "refs": columns.dumps(list(refs)),
        "data": columns.dumps(data or {}),
        "key": key,
    }
    found = (await tx.execute(_APPEND, values)).first()
    return None if found is None else int(found.seq)


class Line(Value):
    """One line that is to be told, without a key."""

    incident: IncidentId
    kind: EventKind
    actor: str
    text: str
    data: dict[str, Scalar] = {}


_APPEND_ALL = text(
    """
    WITH new AS (SELECT * FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb))
                     AS (incident text, kind text, actor text, text text, data jsonb)) WITH ORDINALITY
                     AS line (incident, kind, actor, text, data, place)),
         counted AS (UPDATE incident SET event_seq = event_seq + lines.number
                     FROM (SELECT incident, count(*) AS number FROM new GROUP BY incident) AS lines
                     WHERE incident.id = lines.incident
                     RETURNING incident.id, incident.event_seq - lines.number AS before)
    INSERT INTO timeline_event (incident_id, seq, at, kind, actor, text, refs, data, key)
    SELECT id, before + row_number() OVER (PARTITION BY id ORDER BY place), :at, kind, actor, text, '[]', data, ''
    FROM new JOIN counted ON counted.id = new.incident
    """
)


async def append_events(tx: Tx, lines: Sequence[Line], *, at: datetime) -> None:
    """Tell many lines, those of one incident in their order.

    The caller holds the rows of the incidents (`lock_incident`, in one order everywhere) or has just made them.
    """
    if lines:
        rows = columns.storable([line.model_dump(mode="json") for line in lines])
        await tx.execute(_APPEND_ALL, {"rows": columns.dumps(rows), "at": utc(at)})


_LOCK = text("SELECT 1 FROM incident WHERE id = :incident FOR NO KEY UPDATE")
"""Lines of one incident are numbered one after the other; another incident's do not wait."""


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
