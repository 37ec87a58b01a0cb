"""Messages to the outside (chat), written with the change that they tell of, and sent afterwards, each once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.ids import IncidentId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class OutboxRow(Row, table=True):
    """One message. `receipt` is what the receiver answered (a Slack `ts`)."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_unsent", "id", postgresql_where=text("sent_at IS NULL")),)

    id: int | None = columns.counted()
    key: str = columns.text(unique=True)
    channel: str = columns.text()
    incident_id: IncidentId | None = columns.text(null=True, index=True, to="incident.id")
    payload: dict[str, Any] = columns.document(dict[str, Any])
    created_at: datetime = columns.moment()
    sent_at: datetime | None = columns.moment(null=True)
    receipt: str = columns.text()
    attempts: int = columns.number(default=0)
    problem: str = columns.text()


class Message(Value):
    """One message to the outside."""

    id: int
    key: str
    channel: str
    incident: IncidentId | None
    payload: dict[str, Any]
    created_at: datetime
    sent_at: datetime | None
    receipt: str
    attempts: int
    problem: str


async def post(
    tx: Tx, *, key: str, channel: str, incident: IncidentId | None, payload: dict[str, Any], now: datetime
) -> bool:
    """Put a message into the outbox; False when its key is there already."""
    values = {"key": key, "channel": channel, "incident_id": incident, "payload": payload, "created_at": now}
    statement = insert(OutboxRow).values(**values, receipt="", problem="").on_conflict_do_nothing()
    return (await tx.execute(statement.returning(col(OutboxRow.id)))).first() is not None


async def unsent(tx: Tx, *, limit: int = 20) -> tuple[Message, ...]:
    """Messages to send, oldest first, locked for this transaction; those that another process sends are left out."""
    query = select(OutboxRow).where(col(OutboxRow.sent_at).is_(None)).order_by(col(OutboxRow.id)).limit(limit)
    return tuple(_message(row) for row in await tx.scalars(query.with_for_update(skip_locked=True)))


async def sent(tx: Tx, message: Message, *, receipt: str, now: datetime) -> None:
    """It was received."""
    await _change(tx, message, {"sent_at": now, "receipt": receipt, "problem": ""})


async def not_sent(tx: Tx, message: Message, *, problem: str) -> None:
    """It could not be sent this time."""
    await _change(tx, message, {"attempts": message.attempts + 1, "problem": columns.without_nul(problem)})


async def _change(tx: Tx, message: Message, values: dict[str, Any]) -> None:
    statement = update(OutboxRow).where(col(OutboxRow.id) == message.id).values(**values)
    await tx.execute(statement.execution_options(synchronize_session=False))


def _message(row: OutboxRow) -> Message:
    fields = {name: getattr(row, name) for name in Message.model_fields if name != "incident"}
    return Message(**fields, incident=row.incident_id)
