"""Signed heads of the ledger, as far as the database keeps them. Appended, never changed; a trigger refuses the rest.

They are kept outside too (`orchestrator.audit.exporting`): rows of the same database prove little against its owner.
"""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.heads import Head, SignedHead
from incidents.ids import Digest, KeyId
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class LedgerHeadRow(Row, table=True):
    """One signed head."""

    __tablename__ = "ledger_head"

    seq: int = columns.number(key=True)
    key: KeyId = columns.text(key=True)
    hash: Digest = columns.text()
    at: datetime = columns.moment()
    signature: str = columns.text()


async def save_head(tx: Tx, signed: SignedHead) -> None:
    """Keep it; the first one of a key at a place stands."""
    head = signed.head
    statement = insert(LedgerHeadRow).values(
        seq=head.seq, key=signed.key, hash=head.hash, at=head.at, signature=signed.signature
    )
    await tx.execute(statement.on_conflict_do_nothing())


async def heads_of(tx: Tx) -> tuple[SignedHead, ...]:
    """All of them, in the order of the chain."""
    rows = await tx.scalars(select(LedgerHeadRow).order_by(col(LedgerHeadRow.seq), col(LedgerHeadRow.key)))
    return tuple(_signed(row) for row in rows)


async def newest_head(tx: Tx) -> SignedHead | None:
    """The one that covers most; None before the first."""
    row = (await tx.scalars(select(LedgerHeadRow).order_by(col(LedgerHeadRow.seq).desc()).limit(1))).first()
    return None if row is None else _signed(row)


def _signed(row: LedgerHeadRow) -> SignedHead:
    return SignedHead(head=Head(seq=row.seq, hash=row.hash, at=row.at), key=row.key, signature=row.signature)
