"""The ledger as the product uses it: the check of the whole chain against what was signed of it.

Entries are recorded inside the transaction of the change (`orchestrator.store.ledger.record`); if they cannot be
written, the change does not stand either (invariant 12).
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from pydantic import ValidationError

from incidents.canonical import short
from incidents.heads import Head, HeadCheck, PublicKey, SignedHead, Trust, contradictions, newest
from incidents.ids import Digest, IncidentId, KeyId
from incidents.ledger import GENESIS, Break, Entry, EntryKind, problems
from incidents.value import Value
from orchestrator.audit.keys import Keyring
from orchestrator.store.database import Store
from orchestrator.store.heads import heads_of
from orchestrator.store.ledger import entries, entry_at, hashes_at, kinds_of

SHOWN = 100
"""Breaks that a report lists; after a hole every later entry would be one more."""
DATABASE = "database"
"""Where heads are kept that lie beside the ledger itself."""


class UnreachableLedgerError(Exception):
    """The database of the ledger cannot be read; the message says why."""


class Audit(Value):
    """The result of checking the chain. `head` is its last hash: kept elsewhere, it also shows a truncated end."""

    entries: int
    breaks: tuple[Break, ...]
    head: Digest
    last_at: datetime | None
    heads: int = 0
    """Signed heads that the chain was held against."""
    signed: SignedHead | None = None
    """The head that covers most, of those by a key that counts."""
    self_named: SignedHead | None = None
    """The same of those by a key that only the ledger itself names."""
    unsigned: int = 0
    """Entries after `signed`."""
    unsigned_since: datetime | None = None
    """When the first of them was written."""
    kept: tuple[str, ...] = ()
    """Where the heads came from."""
    checked_from: int = 1
    """The first entry that was read and hashed for this answer; those before rest on an earlier check."""

    @property
    def intact(self) -> bool:
        """Whether the chain holds, and every head that was signed of it."""
        return not self.breaks

    @property
    def proven(self) -> bool:
        """Whether a key that counts vouches for it: without, it only agrees with itself."""
        return self.intact and self.signed is not None

    @property
    def signer(self) -> KeyId | None:
        """Whose signature covers most."""
        return self.signed.key if self.signed else None

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.intact:
            first = self.breaks[0]
            return f"{self.entries} entries, {len(self.breaks)} breaks; first at {first.seq}: {first.problem}"
        return f"{self.entries} entries, unbroken; head {short(self.head)}; {self._vouched}"

    @property
    def _vouched(self) -> str:
        if self.signed is not None:
            head = self.signed.head
            rest = f", {self.unsigned} newer ones not yet" if self.unsigned else ""
            return f"signed up to entry {head.seq} by {self.signed.key} at {head.at:%Y-%m-%d %H:%M:%S} UTC{rest}"
        if self.self_named is not None:
            return (
                f"signed by {self.self_named.key}, which only the ledger itself names: give the key with --public-key"
            )
        return "not signed yet"


async def verify_ledger(
    store: Store,
    *,
    head: Digest | None = None,
    limit: int = SHOWN,
    trusted: Keyring | None = None,
    heads: Sequence[tuple[str, SignedHead]] = (),
) -> Audit:
    """Read the whole ledger page by page, check each link, and hold it against the heads that were signed of it.

    `head` is a hash that has to occur (from an earlier check); `heads` come from outside, each with where it was kept.
    """
    async with store.transaction() as tx:
        known = [*heads, *((DATABASE, signed) for signed in await heads_of(tx))]
        return await verify_chain(entries(tx), heads=known, trusted=trusted or Keyring(), head=head, limit=limit)


async def verify_tail(
    store: Store,
    *,
    since: Head | None = None,
    trusted: Keyring,
    heads: Sequence[tuple[str, SignedHead]] = (),
    limit: int = SHOWN,
) -> Audit:
    """Check what came after the newest head that a trusted key signed, or after `since` when that covers more.

    The entry of that head is read and hashed too, and every head is held against the chain's hashes, so that a cut end
    and a chain written anew are found. What was changed further back and left its hashes alone is found by
    `verify_ledger` only: `checked_from` says where this answer begins.
    """
    async with store.transaction() as tx:
        known = [*heads, *((DATABASE, signed) for signed in await heads_of(tx))]
        named = [key for entry in await kinds_of(tx, EntryKind.SIGNING_KEY) for key in _named(entry)]
        keys = trusted.with_named(named)
        founded = [signed.head for _, signed in known if keys.trust(signed) is Trust.TRUSTED]
        start = max([*founded, *([since] if since else [])], key=lambda head: head.seq, default=None)
        if start is None or (last := await entry_at(tx, start.seq)) is None or not _stands(last, start):
            return await verify_chain(entries(tx), heads=known, trusted=trusted, limit=limit)
        before = await hashes_at(tx, [signed.head.seq for _, signed in known if signed.head.seq <= start.seq])
        covered = max((head.seq for head in founded), default=0)
        behind = await entry_at(tx, covered + 1)
        found = await verify_chain(
            entries(tx, after=start.seq),
            heads=known,
            trusted=trusted,
            limit=limit,
            start=start,
            hashes=before,
            named=named,
        )
        last_at = found.last_at or last.at
        return found.model_copy(update={"unsigned_since": behind.at if behind else None, "last_at": last_at})


def _stands(entry: Entry, head: Head) -> bool:
    """Whether an entry is, by its own content, the one that was signed."""
    return entry.hash == head.hash == entry.link.hash


async def verify_chain(
    chain: AsyncIterable[Entry],
    *,
    heads: Sequence[tuple[str, SignedHead]],
    trusted: Keyring,
    head: Digest | None = None,
    limit: int = SHOWN,
    start: Head | None = None,
    hashes: Mapping[int, Digest] = MappingProxyType({}),
    named: Sequence[PublicKey] = (),
) -> Audit:
    """The same of a chain from anywhere: the database, or an export.

    `start` is where the chain goes on that was checked before, with `hashes` of the heads' places up to it and the keys
    that it `named`.
    """
    breaks: list[Break] = []
    keys: list[PublicKey] = [*named]
    places = {signed.head.seq for _, signed in heads}
    hashes = dict(hashes)
    written: dict[int, datetime] = {}
    """When the entry right behind a head was written."""
    count, previous, expected, at = (start.seq, start.hash, start.seq + 1, None) if start else (0, GENESIS, 1, None)
    first = expected
    missing = head
    async for entry in chain:
        breaks.extend(problems(entry, previous=previous, expected=expected))
        count, previous, expected, at = count + 1, entry.hash, entry.seq + 1, entry.at
        missing = None if entry.hash == missing else missing
        keys.extend(_named(entry))
        if entry.seq in places:
            hashes[entry.seq] = entry.hash
        if entry.seq - 1 in places or entry.seq == 1:
            written[entry.seq] = entry.at
    if missing is not None:
        breaks.append(Break(seq=expected, problem=f"the entry with hash {short(missing)} is gone: the end was cut off"))
    checks = _checks(heads, trusted.with_named(keys))
    breaks.extend(contradictions(checks, hashes=hashes, last=expected - 1))
    signed = newest(checks)
    covered = signed.head.seq if signed else 0
    return Audit(
        entries=count,
        breaks=tuple(breaks[:limit]),
        head=previous,
        last_at=at,
        heads=len(checks),
        signed=signed,
        self_named=newest(checks, trust=Trust.SELF_NAMED),
        unsigned=max(0, expected - 1 - covered),
        unsigned_since=written.get(covered + 1),
        kept=tuple(dict.fromkeys(source for source, _ in heads)),
        checked_from=first,
    )


def _checks(heads: Iterable[tuple[str, SignedHead]], keys: Keyring) -> list[HeadCheck]:
    """Every head once (the first place that kept it is named), with how well it is founded."""
    found: dict[SignedHead, HeadCheck] = {}
    for source, signed in heads:
        if signed not in found:
            found[signed] = HeadCheck(signed=signed, trust=keys.trust(signed), source=source)
    return list(found.values())


def _named(entry: Entry) -> Iterable[PublicKey]:
    """The key that an entry names, if it is of that kind."""
    if entry.kind is EntryKind.SIGNING_KEY:
        try:
            yield PublicKey.model_validate(entry.payload.get("key"))
        except ValidationError:
            return


async def evidence_pack(store: Store, incident: IncidentId) -> tuple[Entry, ...]:
    """Everything the ledger holds of one incident, in order."""
    async with store.transaction() as tx:
        return tuple([entry async for entry in entries(tx, incident=incident)])


async def of(chain: Iterable[Entry]) -> AsyncIterator[Entry]:
    """A chain that is in memory, as `verify_chain` reads one."""
    for entry in chain:
        yield entry
