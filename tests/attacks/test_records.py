"""Attacks on the record and on what keeps it: the ledger, the database in the middle of an approval, the clock."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from incidents.approval import Accepted, Channel, Choice
from incidents.execution import ExecutionStatus
from incidents.incident import Phase
from incidents.proposal import Proposal
from orchestrator.decisions import decide
from orchestrator.executor.deed import Deed, RefusedError
from orchestrator.executor.record import StoreBook
from orchestrator.executor.running import run
from orchestrator.ledger import verify_ledger
from orchestrator.store.database import Store
from orchestrator.store.decisions import decisions_on
from orchestrator.store.proposals import save_proposal
from tests.attacks.attack import attack
from tests.attacks.conftest import Web
from tests.attacks.ground import approved, click, nothing_ran
from tests.incidents.making import proposal
from tests.orchestrator.executor.sealing import INCIDENT, incident_for, row, rows, sealed
from tests.orchestrator.staging import ONCALL, Stage, another_executor
from tests.service.web.serving import TOKENS
from tools.clock import SystemClock

UNSEALED = "ALTER TABLE ledger DISABLE TRIGGER midwatch_ledger_is_append_only"
"""What the owner of the database can do, and nobody else."""


async def tamper(store: Store, *statements: str) -> None:
    """Do it as the owner of the database, past the trigger."""
    async with store.transaction() as tx:
        await tx.execute(text(UNSEALED))
        for statement in statements:
            assert (await tx.execute(text(statement))).rowcount  # type: ignore[attr-defined] # the attack was tried


async def broken_at(store: Store) -> int:
    """Where the audit says that the chain does not hold."""
    audit = await verify_ledger(store)
    assert not audit.intact, "nothing was found"
    return audit.breaks[0].seq


async def test_control_an_honest_ledger_holds(web: Web) -> None:
    await web.book.reach(Phase.VERIFIED)
    audit = await verify_ledger(web.context.store)
    assert (audit.intact, audit.entries > 3) == (True, True)


@attack(
    "ledger-by-sql",
    "The ledger is changed by SQL",
    tried="UPDATE, DELETE and TRUNCATE with the credentials that Midwatch itself has",
    stopped="a trigger refuses everything but INSERT",
)
async def test_ledger_by_sql(web: Web) -> None:
    await web.book.reach(Phase.AWAITING_DECISION)
    for statement in ("UPDATE ledger SET actor = 'eve'", "DELETE FROM ledger", "TRUNCATE ledger"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with web.context.store.transaction() as tx:
                await tx.execute(text(statement))
    assert (await verify_ledger(web.context.store)).intact


@attack(
    "ledger-row-changed",
    "An entry is changed by the owner of the database",
    tried="the trigger is taken off; the actor of one entry is changed",
    stopped="the entry's hash is not that of its content: `midwatch audit verify` names it",
)
async def test_ledger_row_changed(web: Web) -> None:
    await web.book.reach(Phase.VERIFIED)
    await tamper(web.context.store, "UPDATE ledger SET actor = 'eve@example.com' WHERE seq = 2")
    assert await broken_at(web.context.store) == 2


@attack(
    "ledger-row-removed",
    "An entry is removed by the owner of the database",
    tried="the trigger is taken off; one entry is deleted, and the numbers after it are closed up",
    stopped="the chain: what followed does not follow from what is left",
)
async def test_ledger_row_removed(web: Web) -> None:
    await web.book.reach(Phase.VERIFIED)
    await tamper(web.context.store, "DELETE FROM ledger WHERE seq = 2", "UPDATE ledger SET seq = seq - 1 WHERE seq > 2")
    assert await broken_at(web.context.store) == 2


@attack(
    "ledger-reordered",
    "Two entries are exchanged by the owner of the database",
    tried="the trigger is taken off; the numbers of two entries are exchanged",
    stopped="every entry's hash covers its place and the hash before it",
)
async def test_ledger_reordered(web: Web) -> None:
    await web.book.reach(Phase.VERIFIED)
    await tamper(
        web.context.store,
        "UPDATE ledger SET seq = -1 WHERE seq = 2",
        "UPDATE ledger SET seq = 2 WHERE seq = 3",
        "UPDATE ledger SET seq = 3 WHERE seq = -1",
    )
    assert await broken_at(web.context.store) == 2


@attack(
    "ledger-cut-off",
    "The end of the ledger is cut off",
    tried="the trigger is taken off; the last two entries are deleted",
    stopped="a head that was kept elsewhere does not occur any more",
)
async def test_ledger_cut_off(web: Web) -> None:
    await web.book.reach(Phase.VERIFIED)
    kept = (await verify_ledger(web.context.store)).head
    await tamper(web.context.store, "DELETE FROM ledger WHERE seq > (SELECT max(seq) - 2 FROM ledger)")
    assert (await verify_ledger(web.context.store)).intact, "the control: without the head it cannot be seen"
    assert not (await verify_ledger(web.context.store, head=kept)).intact


@attack(
    "ledger-unwritable",
    "Something is executed without being recorded",
    tried="approved; then the ledger takes no entries any more; then the executor comes",
    stopped="`dispatched` and its ledger entry are one transaction, committed before the effect",
)
async def test_ledger_unwritable(on: Stage) -> None:
    before, proposal = on.generation(), await approved(on)
    async with on.store.transaction() as tx:
        await tx.execute(text("ALTER TABLE ledger ADD CONSTRAINT full_disk CHECK (seq < 0) NOT VALID"))
    with contextlib.suppress(DBAPIError):
        await run(on.executor, proposal.digest)
    assert on.generation() == before
    assert (await row(on, proposal)).status is ExecutionStatus.APPROVED
    async with on.store.transaction() as tx:
        await tx.execute(text("ALTER TABLE ledger DROP CONSTRAINT full_disk"))
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1, "the control: with the ledger back it runs"


@attack(
    "database-down-in-approval",
    "The database goes down in the middle of an approval",
    tried="every connection is cut while the click waits for its lock, before the commit",
    stopped="503, not 200; decision, status and execution row are one transaction; the same click counts afterwards",
)
async def test_database_down(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    async with Store(on.store.url, clock=on.clock) as other:
        async with other.transaction() as tx:
            await tx.execute(text("SELECT 1 FROM proposal WHERE digest = :d FOR UPDATE"), {"d": proposal.digest})
            waiting = asyncio.ensure_future(click(on, proposal.digest))
            cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            for _ in range(1200):
                await asyncio.sleep(0.05)
                if (await tx.execute(text(cut))).scalar_one():
                    break
        answer = await waiting
    assert answer.status_code == 503
    async with on.store.transaction() as tx:
        assert await decisions_on(tx, proposal.digest) == ()
    await nothing_ran(on, proposal, generation=before)
    assert (await click(on, proposal.digest)).status_code == 200, "the control: the click that is sent again counts"
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1


class Behind(SystemClock):
    """The clock of a machine that is an hour late."""

    def now(self) -> datetime:
        """An hour ago."""
        return datetime.now(UTC) - timedelta(hours=1)


@attack(
    "clock-skew",
    "An executor with a clock that is late runs what has expired",
    tried="the proposal expired half an hour ago by the database's clock; the executor's machine is an hour late",
    stopped="the executor takes the later of its own clock and the database's",
)
async def test_clock_skew(on: Stage) -> None:
    at = datetime.now(UTC) - timedelta(minutes=45)
    made = proposal(created_at=at)
    verdict = made.body.policy.model_copy(update={"version": on.executor.policy.version})
    expired = Proposal.of(made.body.model_copy(update={"policy": verdict}))
    await incident_for(on, INCIDENT, expired.body.entity)
    async with on.store.transaction() as tx:
        await save_proposal(tx, expired)
    answer = await decide(on.store, expired.digest, person=ONCALL, choice=Choice.APPROVE, channel=Channel.API, now=at)
    assert isinstance(answer, Accepted), answer
    assert Behind().now() < expired.body.expires_at, "the control: by its own clock it may run"
    async with another_executor(on, clock=Behind()) as late:
        deed = Deed(hands=late, book=StoreBook(late), proposal=expired, row=await row(on, expired))
        with pytest.raises(RefusedError, match="it expired"):
            await StoreBook(late).dispatch(deed)
    assert [one.status for one in await rows(on, expired)] == [ExecutionStatus.APPROVED]


async def test_control_a_decision_by_the_api_is_in_the_ledger(on: Stage) -> None:
    proposal = await sealed(on)
    async with httpx.AsyncClient() as client:
        url = on.webhook.removesuffix("/api/v1/alerts/alertmanager")
        headers = {"authorization": f"Bearer {TOKENS['dana']}"}
        path = f"{url}/api/v1/proposals/{proposal.digest}/decision"
        assert (await client.post(path, json={"choice": "approve"}, headers=headers)).status_code == 200
    assert await on.ledger(INCIDENT) == ["decided"]
