"""What became of proposals, read from what the product wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from incidents.approval import Channel, Choice
from incidents.autonomy import Grade, records
from incidents.execution import ExecutionStatus
from incidents.ids import IncidentId
from incidents.verification import Judgement, Outcome, Verification
from orchestrator.decisions import decide
from orchestrator.store.database import Store
from orchestrator.store.executions import executions_of, set_execution_status
from orchestrator.store.outcomes import graded_since
from orchestrator.store.verifications import save_verification
from tests.incidents.making import NOW, after, person, proposed
from tests.orchestrator.making import a_proposal


async def a_story(
    store: Store, number: int, *, choice: Choice = Choice.APPROVE, outcome: Outcome | None = None
) -> None:
    incident = IncidentId(f"inc-{number:012d}".replace("0", "a"))
    proposal = await a_proposal(store, incident=incident)
    await decide(
        store, proposal.digest, person=person("dana"), choice=choice, reason="no", channel=Channel.API, now=after(10)
    )
    if outcome is not None:
        verdict = Verification(
            outcome=outcome,
            judgement=Judgement.HELPED,
            results=(),
            evidence=(),
            started_at=after(20),
            ended_at=after(60),
            reason="",
        )
        async with store.transaction() as tx:
            await save_verification(tx, incident, proposal.digest, verdict)


async def test_every_ending_is_graded(store: Store) -> None:
    await a_story(store, 1, outcome=Outcome.VERIFIED)
    await a_story(store, 2, outcome=Outcome.UNDONE)
    await a_story(store, 3, outcome=Outcome.ESCALATED)
    await a_story(store, 4, choice=Choice.REJECT)
    await a_story(store, 5)
    async with store.transaction() as tx:
        [found] = records(await graded_since(tx, NOW - timedelta(days=1)), now=after(3600), days=180)
        assert await graded_since(tx, after(1)) == ()
    assert found.counts == {Grade.VERIFIED: 1, Grade.UNDONE: 1, Grade.ESCALATED: 1, Grade.REJECTED: 1}
    assert (found.change.action, found.change.namespace) == ("rollback_workload", "shop")
    assert found.demoted_at == after(60)


@pytest.mark.parametrize(
    ("status", "grades"),
    [
        pytest.param(ExecutionStatus.UNKNOWN, [Grade.UNKNOWN], id="nobody could see whether it happened"),
        pytest.param(ExecutionStatus.REFUSED, [], id="what never ran is not graded"),
    ],
)
async def test_what_was_not_verified(store: Store, status: ExecutionStatus, grades: list[Grade]) -> None:
    await a_story(store, 1)
    async with store.transaction() as tx:
        digest = (await tx.execute(text("SELECT digest FROM proposal"))).scalar_one()
        [row] = await executions_of(tx, digest)
        await set_execution_status(tx, row, to=status, now=after(30))
        assert [item.grade for item in await graded_since(tx, NOW - timedelta(days=1))] == grades


async def test_an_action_that_never_ran_earns_nothing_from_the_one_that_did(store: Store) -> None:
    """Of two actions the second was refused: the verdict on the first is no trial of the second."""
    second = proposed("restart_workload")
    stored = await a_proposal(store, actions=(proposed(), second))
    await decide(store, stored.digest, person=person("dana"), choice=Choice.APPROVE, channel=Channel.API, now=after(10))
    verdict = Verification(
        outcome=Outcome.VERIFIED,
        judgement=Judgement.HELPED,
        results=(),
        evidence=(),
        started_at=after(20),
        ended_at=after(60),
        reason="",
    )
    async with store.transaction() as tx:
        first, other = await executions_of(tx, stored.digest)
        await set_execution_status(tx, first, to=ExecutionStatus.SUCCEEDED, now=after(20))
        await set_execution_status(tx, other, to=ExecutionStatus.REFUSED, now=after(20))
        await save_verification(tx, stored.body.incident, stored.digest, verdict)
        graded = await graded_since(tx, NOW - timedelta(days=1))
    assert [item.change.action for item in graded] == ["rollback_workload"]
