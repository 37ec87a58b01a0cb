"""Signs the head of the ledger now and then, after checking everything that came since the last signed head.

Workers and executors do it, one at a time. Nothing is ever signed over a break: then it says so in the log, the console
and `midwatch audit verify`, and signs no more until a person has looked.
"""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from incidents.heads import Head, SignedHead, Trust
from incidents.ids import Digest
from incidents.ledger import GENESIS, EntryKind, problems
from orchestrator.audit.exporting import give, keep
from orchestrator.audit.keys import Keyring, SigningKey, UnusableKeyError
from orchestrator.audit.places import UnreadableHeadsError, heads_file, key_files, keyring, read_heads
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.heads import newest_head, save_head
from orchestrator.store.ledger import entries, entry_at, kinds_of, record
from orchestrator.store.transaction import Tx

logger = logging.getLogger(__name__)

SIGN_LOCK = 0x6D_69_64_77_02
"""Key of the advisory lock of whoever signs: `midw` and a number."""


class BrokenLedgerError(Exception):
    """The ledger does not hold, so nothing is signed: run `midwatch audit verify` with heads kept elsewhere."""


class Notary:
    """Signs for one process."""

    def __init__(self, store: Store, *, key: SigningKey, trusted: Keyring, file: Path, elsewhere: str = "") -> None:
        """`file` keeps the heads on this machine; `elsewhere` is the setting `audit.heads`."""
        self._store, self._key, self._trusted = store, key, trusted
        self._file, self._elsewhere = file, elsewhere
        self._registered = False

    async def sign(self, now: datetime) -> SignedHead | None:
        """Sign what is new; None when nothing is, or when another process is at it.

        Raises BrokenLedgerError, UnreadableHeadsError.
        """
        kept = await asyncio.to_thread(_last, self._file)
        async with self._store.transaction() as tx:
            if not await _alone(tx):
                return None
            if not self._registered:
                await self._register(tx, now)
            signed = await self._signed(tx, kept, now)
        self._registered = True
        if signed is not None:
            await keep(signed, self._file)
            await give(signed, self._elsewhere)
        return signed

    async def _signed(self, tx: Tx, kept: SignedHead | None, now: datetime) -> SignedHead | None:
        start = self._start(await newest_head(tx), kept)
        last = await _checked(tx, start, kept)
        if last is None or (start is not None and last[0] == start.head.seq):
            return None
        signed = self._key.sign_head(Head(seq=last[0], hash=last[1], at=now))
        await save_head(tx, signed)
        return signed

    def _start(self, stored: SignedHead | None, kept: SignedHead | None) -> SignedHead | None:
        """The head from which on the chain is checked anew: only one that a trusted key signed."""
        founded = [head for head in (stored, kept) if head and self._trusted.trust(head) is Trust.TRUSTED]
        return max(founded, key=lambda head: head.head.seq, default=None)

    async def _register(self, tx: Tx, now: datetime) -> None:
        """Name the key in the ledger when it signs for the first time."""
        public = self._key.public
        named = [entry.payload.get("key") for entry in await kinds_of(tx, EntryKind.SIGNING_KEY)]
        if not any(isinstance(key, dict) and key.get("id") == public.id for key in named):
            payload = {"key": public.model_dump(mode="json")}
            record(tx, kind=EntryKind.SIGNING_KEY, incident=None, actor="midwatch", at=now, payload=payload)


async def _alone(tx: Tx) -> bool:
    found = await tx.execute(text("SELECT pg_try_advisory_xact_lock(:key) AS mine"), {"key": SIGN_LOCK})
    return bool(found.scalar_one())


async def _checked(tx: Tx, start: SignedHead | None, kept: SignedHead | None) -> tuple[int, Digest] | None:
    """Place and hash of the last entry, everything since `start` checked. Raises BrokenLedgerError."""
    for head in (start, kept):
        if head is not None:
            await _still_there(tx, head)
    seq, previous = (start.head.seq, start.head.hash) if start else (0, GENESIS)
    async for entry in entries(tx, after=seq):
        for broken in problems(entry, previous=previous, expected=seq + 1):
            raise BrokenLedgerError(f"entry {broken.seq}: {broken.problem}")
        seq, previous = entry.seq, entry.hash
    return (seq, previous) if seq else None


async def _still_there(tx: Tx, signed: SignedHead) -> None:
    entry = await entry_at(tx, signed.head.seq)
    if entry is None:
        raise BrokenLedgerError(f"the entry {signed.head.seq}, up to which it was signed, is gone")
    if entry.hash != signed.head.hash or entry.link.hash != signed.head.hash:
        raise BrokenLedgerError(f"the entry {signed.head.seq} is another one than was signed")


def _last(file: Path) -> SignedHead | None:
    found = read_heads(file) if file.is_file() else ()
    return max(found, key=lambda signed: signed.head.seq, default=None)


async def open_notary(store: Store, settings: Settings) -> Notary:
    """The notary of this process; its key is made when there is none. Raises UnusableKeyError."""
    key = await asyncio.to_thread(key_files(settings).load_or_create, settings.time.now())
    trusted = Keyring(given=(*(await asyncio.to_thread(keyring, settings)).trusted, key.public))
    file = heads_file(settings, store.url)
    return Notary(store, key=key, trusted=trusted, file=file, elsewhere=settings.audit.heads)


async def sign_forever(store: Store, settings: Settings) -> None:
    """Sign every `sign_seconds` of wall-clock time until cancelled. What stands in the way is logged once."""
    notary: Notary | None = None
    said = ""
    while True:
        try:
            notary = notary or await open_notary(store, settings)
            await notary.sign(store.clock.now())
            said = ""
        except (BrokenLedgerError, UnusableKeyError, UnreadableHeadsError, DBAPIError, OSError) as error:
            if str(error) != said:
                logger.exception("The head of the ledger was not signed", extra={"action": "head_not_signed"})
            said = str(error)
        await asyncio.sleep(settings.audit.sign_seconds)
