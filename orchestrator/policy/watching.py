"""Watches the policy's files for as long as a process lives, and notes in the ledger what became of a change.

A policy counts from the moment at which the ledger says so: what cannot be recorded is not taken up. Processes of one
installation see the same change a little apart; it is recorded once.
"""

import asyncio
from typing import assert_never

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from incidents.canonical import Json, short
from incidents.ledger import Entry, EntryKind
from orchestrator.policy.force import Changed, Mended, PolicyInForce, Refused, Seen
from orchestrator.store.database import Store
from orchestrator.store.ledger import last_of, record
from orchestrator.store.transaction import Tx

log = structlog.get_logger(__name__)

WATCH_SECONDS = 2.0
"""Between two looks, in wall-clock time. A ConfigMap takes up to a minute to arrive; people wait for less."""
KINDS = (EntryKind.POLICY_CHANGED, EntryKind.POLICY_REFUSED)
POLICY_LOCK = 0x6D_69_64_77_05
"""Key of the advisory lock under which it is looked whether somebody else noted it: `midw` and a number."""


async def watch_policy(policies: PolicyInForce, store: Store | None, *, every: float = WATCH_SECONDS) -> None:
    """Look for ever. Without a store (a process that decides nothing) nothing is recorded."""
    begun = store is None
    while True:
        begun = begun or (store is not None and await _begin(policies, store))
        await asyncio.sleep(every)
        await look_once(policies, store)


async def look_once(policies: PolicyInForce, store: Store | None) -> Seen | None:
    """One look; what was seen and taken up. When it cannot be recorded, it is seen again at the next look."""
    seen = await asyncio.to_thread(policies.look)
    if seen is None:
        return None
    try:
        if store is not None:
            await _note(store, seen)
    except SQLAlchemyError as error:
        log.warning("A changed policy waits: it cannot be recorded", action="policy_waits", error=type(error).__name__)
        return None
    policies.take(seen)
    _tell(seen)
    return seen


async def _begin(policies: PolicyInForce, store: Store) -> bool:
    """Record a policy that was exchanged while nobody was there to see it. False when it has to be tried again."""
    now = policies.current
    try:
        async with store.transaction() as tx:
            last = await last_of(tx, KINDS)
        before = last.payload.get("after", last.payload.get("in_force")) if last else now.version
        if before != now.version:
            await _note(store, Changed.model_validate({"policy": now, "before": before, "after": now.version}))
    except SQLAlchemyError as error:
        log.warning("The policy's start cannot be recorded yet", action="policy_waits", error=type(error).__name__)
        return False
    return True


async def _note(store: Store, seen: Seen) -> None:
    async with store.transaction() as tx:
        await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POLICY_LOCK})
        if not _says(await last_of(tx, KINDS), seen):
            _record(tx, seen)


def _says(last: Entry | None, seen: Seen) -> bool:
    """Whether the ledger's newest word on the policy is this very one: another process saw it before."""
    if last is None:
        return False
    return all(last.payload.get(key) == value for key, value in _result(seen).items())


def _result(seen: Seen) -> dict[str, Json]:
    """What an entry says that is the same for every process that saw it."""
    match seen:
        case Changed():
            return {"after": seen.after, "policy": f"{short(seen.after)} is in force"}
        case Refused():
            return {"problem": seen.problem, "in_force": seen.in_force}
        case Mended():
            return {"after": seen.in_force, "policy": f"{short(seen.in_force)} is in force"}
        case _:
            assert_never(seen)


def _record(tx: Tx, seen: Seen) -> None:
    before: dict[str, Json] = {"before": seen.before, "source": seen.policy.source} if isinstance(seen, Changed) else {}
    record(
        tx,
        kind=EntryKind.POLICY_REFUSED if isinstance(seen, Refused) else EntryKind.POLICY_CHANGED,
        incident=None,
        actor="midwatch",
        at=tx.clock.now(),
        payload=before | _result(seen),
    )


def _tell(seen: Seen) -> None:
    match seen:
        case Changed():
            words = f"Another policy is in force: {short(seen.after)} in the place of {short(seen.before)}"
            log.warning(words, action="policy_changed", before=seen.before, after=seen.after)
        case Refused():
            words = f"The policy's files cannot be used, {short(seen.in_force)} stays in force: {seen.problem}"
            log.error(words, action="policy_refused", in_force=seen.in_force)
        case Mended():
            log.warning("The policy's files say again what is in force", action="policy_mended")
        case _:
            assert_never(seen)
