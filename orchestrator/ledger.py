"""The ledger as the product uses it: what a kind of entry is about, and the check of the whole chain.

Entries are recorded inside the transaction of the change (`orchestrator.store.ledger.record`); if they cannot be
written, the change does not stand either (invariant 12).
"""

from datetime import datetime

from incidents.canonical import short
from incidents.ids import Digest, IncidentId
from incidents.ledger import GENESIS, Break, Entry, problems
from incidents.value import Value
from orchestrator.store.database import Store
from orchestrator.store.ledger import entries

SHOWN = 100
"""Breaks that a report lists; after a hole every later entry would be one more."""


class Audit(Value):
    """The result of checking the chain. `head` is its last hash: kept elsewhere, it also shows a truncated end."""

    entries: int
    breaks: tuple[Break, ...]
    head: Digest
    last_at: datetime | None

    @property
    def intact(self) -> bool:
        """Whether the chain holds."""
        return not self.breaks

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.intact:
            return f"{self.entries} entries, unbroken; head {short(self.head)}"
        first = self.breaks[0]
        return f"{self.entries} entries, {len(self.breaks)} breaks; first at {first.seq}: {first.problem}"


async def verify_ledger(store: Store, *, head: Digest | None = None, limit: int = SHOWN) -> Audit:
    """Read the whole ledger page by page and check each link.

    `head` is a hash that has to occur (from an earlier check).
    """
    breaks: list[Break] = []
    count, previous, expected, at = 0, GENESIS, 1, None
    missing = head
    async with store.transaction() as tx:
        async for entry in entries(tx):
            breaks.extend(problems(entry, previous=previous, expected=expected))
            count, previous, expected, at = count + 1, entry.hash, entry.seq + 1, entry.at
            missing = None if entry.hash == missing else missing
    if missing is not None:
        breaks.append(Break(seq=expected, problem=f"the entry with hash {short(missing)} is gone: the end was cut off"))
    return Audit(entries=count, breaks=tuple(breaks[:limit]), head=previous, last_at=at)


async def evidence_pack(store: Store, incident: IncidentId) -> tuple[Entry, ...]:
    """Everything the ledger holds of one incident, in order."""
    async with store.transaction() as tx:
        return tuple([entry async for entry in entries(tx, incident=incident)])
