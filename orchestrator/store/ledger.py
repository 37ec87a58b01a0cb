"""The table behind the hash-chained record: appended in the transaction of the change that it records, never changed.

One writer at a time (an advisory lock until commit), so sequence numbers have no holes. A trigger refuses UPDATE,
DELETE and TRUNCATE; what gets around it is found by `incidents.ledger.verify`. The rules that use it are in
`orchestrator/ledger.py`.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, text
from sqlmodel import col, select

from incidents.canonical import Json, utc
from incidents.ids import Digest, IncidentId
from incidents.ledger import GENESIS, Entry, EntryKind, entry_hash
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import PendingEntry, Tx

APPEND_LOCK = 0x6D_69_64_77_01
"""Key of the advisory lock that serialises appends: `midw` and a number."""
PAGE = 500
"""Entries read at a time when the chain is checked or exported."""


class LedgerRow(Row, table=True):
    """One entry."""

    __tablename__ = "ledger"

    seq: int = columns.number(key=True)
    at: datetime = columns.moment()
    kind: EntryKind = columns.word(EntryKind)
    incident_id: IncidentId | None = columns.text(null=True, index=True)
    actor: str = columns.text()
    payload: dict[str, Any] = columns.document(dict[str, Any], sealed=True)
    previous: Digest = columns.text()
    hash: Digest = columns.text()


def record(
    tx: Tx, *, kind: EntryKind, incident: IncidentId | None, actor: str, at: datetime, payload: Mapping[str, Json]
) -> None:
    """Append one entry when the transaction commits. If that fails, nothing of the transaction stands."""
    tx.pending.entries.append(PendingEntry(kind=kind, incident=incident, actor=actor, at=utc(at), payload=payload))


async def append_pending(tx: Tx) -> tuple[Entry, ...]:
    """Write what was recorded, chained. `Store.transaction` calls it last: until the commit all other writers wait."""
    if not tx.pending.entries:
        return ()
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPEND_LOCK})
    last = (await tx.execute(text("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1"))).first()
    seq, previous = (last.seq, Digest(last.hash)) if last else (0, GENESIS)
    chained: list[Entry] = []
    for pending in tx.pending.entries:
        seq += 1
        chained.append(_sealed(pending, seq=seq, previous=previous))
        previous = chained[-1].hash
    await tx.execute(insert(LedgerRow), [_row(entry) for entry in chained])
    tx.pending.entries.clear()
    return tuple(chained)


def _sealed(pending: PendingEntry, *, seq: int, previous: Digest) -> Entry:
    payload: dict[str, Any] = columns.storable(dict(pending.payload))
    sealed = entry_hash(
        seq=seq,
        at=pending.at,
        kind=pending.kind,
        incident=pending.incident,
        actor=pending.actor,
        payload=payload,
        previous=previous,
    )
    return Entry(
        seq=seq,
        at=pending.at,
        kind=pending.kind,
        incident=pending.incident,
        actor=pending.actor,
        payload=payload,
        previous=previous,
        hash=sealed,
    )


def _row(entry: Entry) -> dict[str, Any]:
    return {("incident_id" if name == "incident" else name): value for name, value in entry}


async def entries(tx: Tx, *, after: int = 0, incident: IncidentId | None = None) -> AsyncIterator[Entry]:
    """Entries in order, a page at a time; only those of one incident when it is given."""
    while True:
        query = select(LedgerRow).where(col(LedgerRow.seq) > after).order_by(col(LedgerRow.seq)).limit(PAGE)
        if incident is not None:
            query = query.where(col(LedgerRow.incident_id) == incident)
        page = [_entry(row) for row in await tx.scalars(query)]
        for entry in page:
            yield entry
        if len(page) < PAGE:
            return
        after = page[-1].seq


async def entry_at(tx: Tx, seq: int) -> Entry | None:
    """One entry by its place."""
    row = await tx.get(LedgerRow, seq)
    return None if row is None else _entry(row)


async def hashes_at(tx: Tx, places: Collection[int]) -> dict[int, Digest]:
    """The hashes that stand at these places, by place; what is not there is left out."""
    query = select(col(LedgerRow.seq), col(LedgerRow.hash)).where(col(LedgerRow.seq).in_(set(places)))
    return {row.seq: Digest(row.hash) for row in await tx.execute(query)}


async def kinds_of(tx: Tx, kind: EntryKind) -> tuple[Entry, ...]:
    """All entries of a (rare) kind, in order."""
    query = select(LedgerRow).where(col(LedgerRow.kind) == kind).order_by(col(LedgerRow.seq))
    return tuple(_entry(row) for row in await tx.scalars(query))


async def last_of(tx: Tx, kinds: Collection[EntryKind]) -> Entry | None:
    """The newest entry of these (rare) kinds; None when there is none."""
    query = select(LedgerRow).where(col(LedgerRow.kind).in_(kinds)).order_by(col(LedgerRow.seq).desc()).limit(1)
    row = (await tx.scalars(query)).first()
    return None if row is None else _entry(row)


def _entry(row: LedgerRow) -> Entry:
    return Entry(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        incident=row.incident_id,
        actor=row.actor,
        payload=row.payload,
        previous=row.previous,
        hash=row.hash,
    )
