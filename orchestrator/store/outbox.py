"""Messages to the outside (chat, tickets) as they shall stand there, kept apart from whoever sends them.

A row says what a message shall be (`payload`) and what was last delivered of it (`shown`): writing it again before it
was sent changes what is sent, so edits coalesce by themselves. A sender claims a row for some seconds; when it dies
between sending and noting so, the next one sees by `tries` that it has to look before it posts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.canonical import digest_of
from incidents.ids import IncidentId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx

TICKET = "ticket:"
"""Beginning of the keys of tickets: they have a sender of their own; whoever brings messages to chat leaves them."""


class OutboxRow(Row, table=True):
    """One message. `receipt` is what the receiver answered (a Slack `ts`)."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_unsent", "id", postgresql_where=text("shown <> wanted")),)

    id: int | None = columns.counted()
    key: str = columns.text(unique=True)
    channel: str = columns.text()
    incident_id: IncidentId | None = columns.text(null=True, index=True, to="incident.id")
    thread: str = columns.text(index=True)
    """Key of the message in whose thread it stands; empty: it stands by itself."""
    payload: dict[str, Any] = columns.document(dict[str, Any])
    version: int = columns.number(default=0)
    """Grows with what the message tells of: an older rendering never replaces a newer one."""
    wanted: str = columns.text()
    """Digest of `payload`."""
    shown: str = columns.text()
    """Digest of what was delivered last; empty before the first time."""
    created_at: datetime = columns.moment()
    sent_at: datetime | None = columns.moment(null=True)
    receipt: str = columns.text()
    attempts: int = columns.number(default=0)
    """Attempts since the last success."""
    problem: str = columns.text()
    held_by: str = columns.text()
    held_until: datetime | None = columns.moment(null=True)
    """Wall-clock time of the database, as `not_before`."""
    not_before: datetime | None = columns.moment(null=True)


class Wish(Value):
    """A message as it shall stand."""

    key: str
    channel: str
    thread: str = ""
    incident: IncidentId | None = None
    payload: dict[str, Any]
    version: int = 0


class Message(Value):
    """A message that somebody claimed to send it, or that was sent."""

    id: int
    key: str
    channel: str
    incident: IncidentId | None
    thread: str
    payload: dict[str, Any]
    version: int
    wanted: str
    shown: str
    created_at: datetime
    sent_at: datetime | None
    receipt: str
    attempts: int
    problem: str
    held_by: str


async def want(tx: Tx, wish: Wish, *, now: datetime) -> bool:
    """Say what a message shall be; False when it is that already, or is told of something newer."""
    wanted = digest_of(wish.payload)
    values = {"payload": wish.payload, "version": wish.version, "wanted": wanted}
    statement = insert(OutboxRow).values(
        key=wish.key,
        channel=wish.channel,
        incident_id=wish.incident,
        thread=wish.thread,
        created_at=now,
        shown="",
        receipt="",
        problem="",
        held_by="",
        **values,
    )
    same = col(OutboxRow.wanted) != wanted
    upsert = statement.on_conflict_do_update(
        index_elements=["key"],
        set_={name: statement.excluded[name] for name in values},
        where=(col(OutboxRow.version) <= statement.excluded.version) & same,
    )
    return (await tx.execute(upsert.returning(col(OutboxRow.id)))).first() is not None


async def withdraw(tx: Tx, key: str) -> bool:
    """Forget a message that nobody has seen and nobody is sending; False when it is too late for that."""
    query = select(OutboxRow).where(col(OutboxRow.key) == key, col(OutboxRow.receipt) == "")
    row = (await tx.scalars(query.where(col(OutboxRow.attempts) == 0).with_for_update(skip_locked=True))).first()
    if row is None:
        return False
    await tx.delete(row)
    await tx.flush()
    return True


async def skip(tx: Tx, wish: Wish, *, now: datetime) -> None:
    """Note that there is nothing to say up to the wish's version."""
    if await want(tx, wish, now=now):
        same = update(OutboxRow).where(col(OutboxRow.key) == wish.key).values(shown=col(OutboxRow.wanted))
        await tx.execute(same.execution_options(synchronize_session=False))


async def message_of(tx: Tx, key: str, *, lock: bool = False) -> Message | None:
    """The message with this key."""
    query = select(OutboxRow).where(col(OutboxRow.key) == key)
    row = (await tx.scalars(query.with_for_update() if lock else query)).first()
    return None if row is None else _message(row)


async def by_receipt(tx: Tx, receipt: str) -> Message | None:
    """The message that the receiver knows by this receipt."""
    query = select(OutboxRow).where(col(OutboxRow.receipt) == receipt)
    row = (await tx.scalars(query.limit(1))).first()
    return None if row is None else _message(row)


async def messages_in(tx: Tx, thread: str) -> tuple[Message, ...]:
    """The messages in the thread of another, oldest first."""
    query = select(OutboxRow).where(col(OutboxRow.thread) == thread).order_by(col(OutboxRow.id))
    return tuple(_message(row) for row in await tx.scalars(query))


async def ticket_messages(tx: Tx, incident: IncidentId) -> tuple[Message, ...]:
    """The tickets of an incident, filed or not, oldest first."""
    query = select(OutboxRow).where(
        col(OutboxRow.incident_id) == incident, col(OutboxRow.key).startswith(TICKET, autoescape=True)
    )
    return tuple(_message(row) for row in await tx.scalars(query.order_by(col(OutboxRow.id))))


async def heads_since(tx: Tx, *, prefix: str, channel: str, since: datetime) -> tuple[Message, ...]:
    """Messages of a channel that stand by themselves and were first wanted since then, oldest first."""
    query = select(OutboxRow).where(
        col(OutboxRow.key).startswith(prefix, autoescape=True),
        col(OutboxRow.channel) == channel,
        col(OutboxRow.thread) == "",
        col(OutboxRow.created_at) >= since,
    )
    return tuple(_message(row) for row in await tx.scalars(query.order_by(col(OutboxRow.id))))


async def behind(tx: Tx, *, prefix: str, live: Sequence[str], limit: int = 100) -> tuple[IncidentId, ...]:
    """Incidents whose message (key `prefix` + id) or thread tells less than is known, and those in `live` phases."""
    rows = await tx.execute(_BEHIND, {"prefix": prefix, "live": list(live), "limit": limit})
    return tuple(IncidentId(row.id) for row in rows)


_BEHIND = text(
    """
    SELECT incident.id FROM incident LEFT JOIN outbox AS head ON head.key = :prefix || incident.id
    WHERE (head.id IS NULL AND incident.closed_at IS NULL)
       OR head.version < incident.event_seq
       OR (head.id IS NOT NULL AND incident.phase = ANY(:live))
       OR (head.receipt <> '' AND head.thread = '' AND incident.event_seq >
           (SELECT coalesce(max(told.version), 0) FROM outbox AS told WHERE told.thread = head.key)
           AND NOT EXISTS (SELECT 1 FROM outbox AS told WHERE told.thread = head.key AND told.shown <> told.wanted))
    ORDER BY incident.phase = ANY(:live), incident.opened_at LIMIT :limit
    """
)
_CLAIM = text(
    """
    UPDATE outbox SET held_by = :owner, held_until = clock_timestamp() + make_interval(secs => :seconds),
                      attempts = attempts + 1
    WHERE id = (
        SELECT id FROM outbox AS due
        WHERE shown <> wanted AND starts_with(key, 'ticket:') = :tickets
          AND (held_until IS NULL OR held_until < clock_timestamp())
          AND (not_before IS NULL OR not_before <= clock_timestamp())
          AND (thread = '' OR EXISTS (SELECT 1 FROM outbox AS head WHERE head.key = due.thread AND head.receipt <> ''))
          AND NOT EXISTS (SELECT 1 FROM outbox AS earlier
                          WHERE earlier.thread = due.thread AND due.thread <> '' AND earlier.id < due.id
                            AND earlier.receipt = '' AND earlier.shown <> earlier.wanted)
        ORDER BY attempts > 3, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)


async def claim(tx: Tx, *, owner: str, seconds: float, tickets: bool = False) -> Message | None:
    """The next message to send, held for so many seconds; None when nothing is due. A thread is sent in its order."""
    found = (await tx.execute(_CLAIM, {"owner": owner, "seconds": seconds, "tickets": tickets})).first()
    if found is None:
        return None
    row = await tx.get(OutboxRow, found.id)
    assert row is not None
    return _message(row)


async def sent(tx: Tx, message: Message, *, receipt: str, now: datetime, pause: float = 0.0) -> bool:
    """It was received; the next change of it waits so many seconds. False when somebody else holds it by now."""
    values = {"sent_at": now, "shown": message.wanted, "receipt": receipt, "problem": "", "attempts": 0}
    return await _let_go(tx, message, values, wait=pause)


async def not_sent(tx: Tx, message: Message, *, problem: str, wait: float) -> bool:
    """It could not be sent now; it is tried again after so many seconds."""
    return await _let_go(tx, message, {"problem": columns.storable(problem)}, wait=wait)


async def gone(tx: Tx, message: Message) -> bool:
    """The receiver has it no more (somebody deleted it): it is posted anew."""
    return await _let_go(tx, message, {"receipt": "", "shown": "", "attempts": 0}, wait=0.0)


_HOLD = text(
    "UPDATE outbox SET not_before = clock_timestamp() + make_interval(secs => :seconds)"
    " WHERE shown <> wanted AND NOT starts_with(key, 'ticket:')"
)
_WAITING = text(
    "SELECT count(*) AS number, max(problem) AS problem FROM outbox"
    " WHERE shown <> wanted AND NOT starts_with(key, 'ticket:')"
)


async def hold_all(tx: Tx, *, seconds: float) -> None:
    """Nothing is sent to chat for so many seconds: the receiver said so."""
    await tx.execute(_HOLD, {"seconds": seconds})


async def waiting(tx: Tx) -> tuple[int, str]:
    """How many messages to chat are not delivered, and what stood against the last that failed."""
    row = (await tx.execute(_WAITING)).one()
    return int(row.number), row.problem or ""


async def _let_go(tx: Tx, message: Message, values: dict[str, Any], *, wait: float) -> bool:
    moment = text("clock_timestamp() + make_interval(secs => :wait)").bindparams(wait=wait)
    statement = (
        update(OutboxRow)
        .where(col(OutboxRow.id) == message.id, col(OutboxRow.held_by) == message.held_by)
        .values(**values, held_by="", held_until=None, not_before=moment)
        .returning(col(OutboxRow.id))
    )
    return (await tx.execute(statement.execution_options(synchronize_session=False))).first() is not None


def _message(row: OutboxRow) -> Message:
    fields = {name: getattr(row, name) for name in Message.model_fields if name != "incident"}
    return Message(**fields, incident=row.incident_id)
