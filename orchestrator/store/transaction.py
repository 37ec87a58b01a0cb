"""One transaction: what the functions of the store work on. `orchestrator.store.database` opens and ends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from incidents.canonical import Json
from incidents.ids import IncidentId
from incidents.ledger import EntryKind
from tools.clock import Clock

_FRESH: Mapping[str, Any] = {"populate_existing": True}
"""Rows are read as they are in the database, never from the session's memory: most changes are plain UPDATEs."""


@dataclass(frozen=True, kw_only=True)
class PendingEntry:
    """A ledger entry that waits for the end of its transaction."""

    kind: EntryKind
    incident: IncidentId | None
    actor: str
    at: datetime
    payload: Mapping[str, Json]


@dataclass(kw_only=True)
class Pending:
    """What a transaction still has to write before it commits."""

    entries: list[PendingEntry] = field(default_factory=list)


class Tx(AsyncSession):
    """One transaction. `clock` turns virtual times into those at which the database's clock fires."""

    def __init__(self, engine: AsyncEngine, *, clock: Clock) -> None:
        super().__init__(engine, expire_on_commit=False, autoflush=False, execution_options=_FRESH)
        self.clock = clock
        self.pending = Pending()
        self.held = set[IncidentId]()
        """Incidents whose rows this transaction holds until it ends."""
