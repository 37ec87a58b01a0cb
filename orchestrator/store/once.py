"""What may be used once on all replicas together: the state of a sign-in, a printed link."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class UsedRow(Row, table=True):
    """Something that was used, kept until it would have ended by itself."""

    __tablename__ = "used_once"

    key: str = columns.text(key=True)
    until: datetime = columns.moment(index=True)


async def use_once(tx: Tx, key: str, *, until: datetime, now: datetime) -> bool:
    """Whether this is the first use. `now` and `until` are of the same clock, whichever it is."""
    await tx.execute(delete(UsedRow).where(col(UsedRow.until) < now))
    statement = insert(UsedRow).values(key=key, until=until).on_conflict_do_nothing().returning(col(UsedRow.key))
    return (await tx.execute(statement)).first() is not None


async def was_used(tx: Tx, key: str) -> bool:
    """Whether somebody used it before; uses nothing."""
    return await tx.get(UsedRow, key) is not None
