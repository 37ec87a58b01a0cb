"""What is counted of limits and pre-approvals, and that nobody uses the last of something twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from incidents.execution import ExecutionStatus
from incidents.ids import IncidentId
from incidents.policy import Effect, Policy
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.policy.load import load_policy
from orchestrator.policy.question import question_about
from orchestrator.policy.ruling import ruling
from orchestrator.store.database import Store
from orchestrator.store.executions import executions_of, plan_executions, plan_undo, set_execution_status
from orchestrator.store.proposals import save_proposal
from orchestrator.store.standing import lock_standing, standing_of, use, uses
from tests.incidents.making import CHECKOUT, NOW, after, proposal
from tests.orchestrator.making import INCIDENT, a_proposal, an_incident
from tests.orchestrator.policy.asking import folder

ONCE = """
rules:
  - name: roll the checkout back
    actions: [rollback_workload]
    services: [checkout]
    effect: allow
    until: 2026-12-31T00:00:00Z
    signed_by: ada@example.com
    uses: 1
    reason: It is always the last deploy.
  - {name: people, effect: ask, approvers: [oncall]}
"""
POLICY = load_policy()
OTHER = IncidentId("inc-bbbbbbbbbbbb")


async def executed(store: Store, made: Proposal, *, minutes_ago: float, undone: bool = False) -> None:
    """As if the executor had dispatched its action then."""
    async with store.transaction() as tx:
        (row,) = await plan_executions(tx, made, now=NOW)
        when = NOW - timedelta(minutes=minutes_ago)
        row = await set_execution_status(tx, row, to=ExecutionStatus.DISPATCHED, now=when)
        await set_execution_status(tx, row, to=ExecutionStatus.SUCCEEDED, now=when)
        if undone:
            undo = await plan_undo(tx, made, index=0, now=NOW)
            await set_execution_status(tx, undo, to=ExecutionStatus.DISPATCHED, now=NOW)


async def test_what_was_dispatched_counts_and_undoing_does_not(store: Store) -> None:
    recent = await a_proposal(store)
    await executed(store, recent, minutes_ago=20, undone=True)
    old = await a_proposal(store, incident=OTHER, lives_seconds=60)
    await executed(store, old, minutes_ago=90)
    async with store.transaction() as tx:
        elsewhere = await standing_of(tx, IncidentId("inc-cccccccccccc"), now=NOW, policy=POLICY)
        own = await standing_of(tx, OTHER, now=NOW, policy=POLICY)
        without = await standing_of(tx, OTHER, now=NOW, policy=POLICY, without=recent.digest)
        assert len(await executions_of(tx, recent.digest)) == 2
    assert [(done.incident, done.target, done.services, done.pods) for done in elsewhere.done] == [
        (INCIDENT, CHECKOUT, ("checkout",), 6)
    ]
    assert [done.incident for done in own.done] == [OTHER, INCIDENT]
    assert [done.incident for done in without.done] == [OTHER]


async def test_what_was_only_approved_does_not_count(store: Store) -> None:
    made = await a_proposal(store)
    async with store.transaction() as tx:
        await plan_executions(tx, made, now=NOW)
        assert (await standing_of(tx, INCIDENT, now=NOW, policy=POLICY)).done == ()


async def grant(store: Store, policy: Policy, incident: IncidentId, *, pause: float = 0.0) -> Proposal:
    """Decide as the executor does: look under the lock, decide, use up."""
    async with store.transaction() as tx:
        await lock_standing(tx)
        standing = await standing_of(tx, incident, now=NOW, policy=policy)
        draft = proposal(incident=incident).body
        await asyncio.sleep(pause)
        verdict = ruling(policy, question_about(draft, now=after(1), standing=standing))
        sealed = Proposal.of(draft.model_copy(update={"policy": verdict}))
        await save_proposal(tx, sealed, status=ProposalStatus.PENDING)
        await use(tx, verdict.preapprovals, sealed.digest, now=NOW)
        return sealed


async def test_two_replicas_cannot_both_use_the_last(
    store: Store, open_store: Callable[[], Store], tmp_path: Path
) -> None:
    policy = folder(tmp_path, ONCE)
    for incident in (INCIDENT, OTHER):
        await an_incident(store, incident=incident)
    async with open_store() as another, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(grant(replica, policy, incident, pause=0.3))
            for replica, incident in ((store, INCIDENT), (another, OTHER))
        ]
    sealed = [task.result() for task in tasks]
    assert sorted(one.body.policy.effect for one in sealed) == [Effect.ALLOW, Effect.ASK]
    async with store.transaction() as tx:
        without = [await uses(tx, without=one.digest) for one in sealed]
        counted = (await standing_of(tx, INCIDENT, now=NOW, policy=POLICY)).used
    assert sorted(len(found) for found in without) == [0, 1]
    assert counted == {"roll the checkout back": 1}
