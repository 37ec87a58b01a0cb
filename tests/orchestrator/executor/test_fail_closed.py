"""If the ledger cannot be written, nothing is executed (invariant 12)."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from incidents.approval import Accepted
from incidents.execution import ExecutionStatus
from orchestrator.executor.running import run
from tests.orchestrator.executor.sealing import row, sealed
from tests.orchestrator.staging import Stage

CLOSE = "ALTER TABLE ledger ADD CONSTRAINT closed CHECK (seq < 0) NOT VALID"
OPEN = "ALTER TABLE ledger DROP CONSTRAINT closed"


async def say(on: Stage, statement: str) -> None:
    async with on.store.transaction() as tx:
        await tx.execute(text(statement))


async def test_an_approved_change_does_not_run_while_the_ledger_cannot_be_written(on: Stage) -> None:
    before = on.generation()
    proposal = await sealed(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    await say(on, CLOSE)
    with pytest.raises(DBAPIError, match="closed"):
        await run(on.executor, proposal.digest)
    assert on.generation() == before, "nothing was changed"
    assert (await row(on, proposal)).status is ExecutionStatus.APPROVED, "and nothing is dispatched"
    await say(on, OPEN)
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1, "when it can be written again, it runs"


async def test_a_decision_that_cannot_be_recorded_does_not_count(on: Stage) -> None:
    proposal = await sealed(on)
    await say(on, CLOSE)
    with pytest.raises(DBAPIError, match="closed"):
        await on.decide(proposal.digest)
    await say(on, OPEN)
    before = on.generation()
    await run(on.executor, proposal.digest)
    assert on.generation() == before
