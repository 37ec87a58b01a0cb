"""The state of the ledger for whoever looks: its end is checked at every look, the whole of it when somebody asks.

What a trusted key signed does not have to be read again at every look. The whole check runs in the background, one at a
time in a process, and the page says when it was and how far it came.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from incidents.heads import Head, SignedHead
from orchestrator.audit.keys import Keyring
from orchestrator.audit.places import heads_file, keyring, read_heads
from orchestrator.ledger import Audit, verify_ledger, verify_tail
from orchestrator.settings import Settings
from orchestrator.store.database import Store

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Inspector:
    """Checks for one process."""

    store: Store
    settings: Settings
    whole: Audit | None = None
    """The last check of every entry."""
    whole_at: datetime | None = None
    failure: str = ""
    """Why the last check of every entry gave no answer; empty when it did."""
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether every entry is checked now."""
        return self._task is not None and not self._task.done()

    async def look(self) -> tuple[Audit, Keyring]:
        """Check the end of the chain. Raises UnusableKeyError, UnreadableHeadsError."""
        trusted, kept = await asyncio.to_thread(self._outside)
        whole = self.whole
        since = (
            Head(seq=whole.entries, hash=whole.head, at=whole.last_at)
            if whole and whole.intact and whole.last_at
            else None
        )
        found = await verify_tail(self.store, since=since, trusted=trusted, heads=kept)
        if found.checked_from == 1:
            self.whole, self.whole_at, self.failure = found, self.store.clock.now(), ""
        return found, trusted

    def start(self) -> None:
        """Check every entry, unless that is being done already. Comes back at once."""
        if not self.running:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End with the process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        try:
            trusted, kept = await asyncio.to_thread(self._outside)
            self.whole = await verify_ledger(self.store, trusted=trusted, heads=kept)
            self.whole_at, self.failure = self.store.clock.now(), ""
        except Exception as error:  # the outermost loop of a run: the page says that it failed, the process goes on
            logger.exception("The ledger could not be checked whole", extra={"action": "whole_check_failed"})
            self.failure = f"The whole check could not be finished: {type(error).__name__}. The log says more."

    def _outside(self) -> tuple[Keyring, list[tuple[str, SignedHead]]]:
        file = heads_file(self.settings, self.store.url)
        kept = [(file.name, signed) for signed in read_heads(file)] if file.is_file() else []
        return keyring(self.settings), kept
