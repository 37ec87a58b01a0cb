"""A use of a pre-approval is taken when an execution is granted: once, by one of those who want the last, and given back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from incidents.action import ActionRequest
from incidents.execution import ExecutionStatus
from incidents.ids import ActionKind, IncidentId
from incidents.ledger import EntryKind
from incidents.policy import Effect
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.executor.deed import Deed
from orchestrator.executor.record import StoreBook
from orchestrator.executor.running import run
from orchestrator.store.executions import plan_executions
from orchestrator.store.ledger import kinds_of
from orchestrator.store.proposals import set_proposal_status
from orchestrator.store.standing import uses
from tests.orchestrator.executor.sealing import row, sealed
from tests.orchestrator.executor.test_policy_again import under
from tests.orchestrator.policy.asking import folder
from tests.orchestrator.staging import Stage, another_executor

NAME = "restart what leaks"
ONCE = f"""
rules:
  - name: {NAME}
    actions: [restart_workload]
    namespaces: [shop]
    effect: allow
    until: 2099-01-01T00:00:00Z
    signed_by: ada@example.com
    uses: 1
    reason: It is back in a minute.
  - {{name: people, effect: ask, approvers: [oncall]}}
"""


async def pre_approved(on: Stage, workload: str, incident: str) -> Proposal:
    """Sealed under the pre-approval, as the graph leaves it to the executor."""
    request = ActionRequest(kind=ActionKind("restart_workload"), target=on.id(f"shop/deployment/{workload}"))
    made = await sealed(on, request, approvals=0, incident=IncidentId(incident))
    assert made.body.policy.effect is Effect.ALLOW, made.body.policy.reason
    async with on.store.transaction() as tx:
        waiting = (ProposalStatus.PENDING,)
        await set_proposal_status(tx, made.digest, to=ProposalStatus.APPROVED, sources=waiting, now=on.clock.now())
        await plan_executions(tx, made, now=on.clock.now())
    return made


async def counted(on: Stage) -> dict[str, int]:
    async with on.store.transaction() as tx:
        return await uses(tx)


async def deed_of(on: Stage, made: Proposal) -> Deed:
    return Deed(hands=on.executor, book=StoreBook(on.executor), proposal=made, row=await row(on, made))


async def test_two_proposals_cannot_share_the_last_use(on: Stage, tmp_path: Path) -> None:
    policy = folder(tmp_path, ONCE)
    on = under(on, policy)
    one = await pre_approved(on, "checkout", "inc-aaaaaaaaaaaa")
    other = await pre_approved(on, "cart", "inc-bbbbbbbbbbbb")
    assert await counted(on) == {}, "sealing uses nothing"
    async with another_executor(on, policy=policy) as second, asyncio.TaskGroup() as group:
        group.create_task(run(on.executor, one.digest))
        group.create_task(run(second, other.digest))
    found = [await row(on, made) for made in (one, other)]
    assert sorted(item.status for item in found) == [ExecutionStatus.REFUSED, ExecutionStatus.SUCCEEDED], found
    [refused] = [item.detail for item in found if item.status is ExecutionStatus.REFUSED]
    assert "its pre-approval does not hold any more" in refused
    assert await counted(on) == {NAME: 1}


async def test_a_crash_and_a_second_attempt_use_it_once(on: Stage, tmp_path: Path) -> None:
    on = under(on, folder(tmp_path, ONCE))
    made = await pre_approved(on, "checkout", "inc-aaaaaaaaaaaa")
    deed = await deed_of(on, made)
    dispatched = deed.at(await deed.book.dispatch(deed))
    assert await counted(on) == {NAME: 1}
    assert await deed.book.dispatch_again(dispatched) is None, "its own use does not stand against it"
    await run(on.executor, made.digest)
    assert (await row(on, made)).status is ExecutionStatus.SUCCEEDED
    assert await counted(on) == {NAME: 1}
    async with on.store.transaction() as tx:
        first, *_ = await kinds_of(tx, EntryKind.DISPATCHED)
    assert first.payload["preapprovals"] == [NAME]


async def test_what_never_ran_gives_its_use_back_and_another_one_takes_it(on: Stage, tmp_path: Path) -> None:
    on = under(on, folder(tmp_path, ONCE))
    one = await pre_approved(on, "checkout", "inc-aaaaaaaaaaaa")
    other = await pre_approved(on, "cart", "inc-bbbbbbbbbbbb")
    deed = await deed_of(on, one)
    dispatched = deed.at(await deed.book.dispatch(deed))
    await deed.book.settle(dispatched, ExecutionStatus.REFUSED, "its target changed at the last moment")
    assert await counted(on) == {}
    async with on.store.transaction() as tx:
        [refused] = await kinds_of(tx, EntryKind.EXECUTION_REFUSED)
    assert refused.payload["preapprovals_freed"] == [NAME]
    await run(on.executor, other.digest)
    assert (await row(on, other)).status is ExecutionStatus.SUCCEEDED
    assert await counted(on) == {NAME: 1}


async def test_what_the_target_system_refused_stays_used(on: Stage, tmp_path: Path) -> None:
    on = under(on, folder(tmp_path, ONCE))
    made = await pre_approved(on, "checkout", "inc-aaaaaaaaaaaa")
    deed = await deed_of(on, made)
    dispatched = deed.at(await deed.book.dispatch(deed))
    await deed.book.settle(dispatched, ExecutionStatus.FAILED, "forbidden")
    assert await counted(on) == {NAME: 1}, "it is not tried for ever without a click"
