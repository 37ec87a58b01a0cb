"""The executor on a served world: what was approved runs once, as it was approved, or it does not run at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from incidents.action import ActionRequest
from incidents.approval import Accepted, Choice
from incidents.canonical import digest_of
from incidents.execution import ExecutionStatus
from incidents.ids import ActionKind
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.decisions import set_paused
from orchestrator.executor.running import run
from orchestrator.store.executions import plan_executions, plan_undo
from orchestrator.store.proposals import proposal_by
from tests.incidents.making import person
from tests.orchestrator.executor.sealing import INCIDENT, row, rows, sealed
from tests.orchestrator.staging import DEPLOYMENT, ONCALL, Stage, another_executor
from worlds.objects.kinds import kind_named

KEY = "midwatch.dev/action-key"


async def approved(on: Stage, *requests: ActionRequest, **changes: float) -> Proposal:
    proposal = await sealed(on, *requests, **changes)  # type: ignore[arg-type] # numbers of the sealing
    assert isinstance(await on.decide(proposal.digest), Accepted)
    return proposal


def rewrite(on: Stage, *, limit: str) -> None:
    """Somebody else changes the memory limit, straight on the API server."""
    item = on.deployment()
    item["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = limit
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-edit")


async def refused_with(on: Stage, proposal: Proposal, words: str, *, generation: int) -> None:
    """It did not run, says why, and the ledger knows."""
    found = await row(on, proposal)
    assert (found.status, words in found.detail) == (ExecutionStatus.REFUSED, True), found
    assert on.generation() == generation
    assert (await on.ledger(INCIDENT))[-1] == "execution_refused"


async def test_what_was_approved_runs_once_and_a_second_run_changes_nothing(on: Stage) -> None:
    before = on.generation()
    proposal = await approved(on)
    await run(on.executor, proposal.digest)
    await run(on.executor, proposal.digest)
    done = await row(on, proposal)
    assert done.status is ExecutionStatus.SUCCEEDED, done
    assert on.generation() == before + 1
    assert on.deployment()["metadata"]["annotations"][KEY] == done.key
    assert on.deployment()["metadata"]["annotations"]["midwatch.dev/incident"] == INCIDENT
    async with on.store.transaction() as tx:
        assert (await proposal_by(tx, proposal.digest)).status is ProposalStatus.EXECUTED
    assert await on.ledger(INCIDENT) == ["decided", "dispatched", "executed"]


async def test_a_target_that_was_changed_after_the_approval_is_left_alone(on: Stage) -> None:
    proposal = await approved(on)
    rewrite(on, limit="300Mi")
    generation = on.generation()
    await run(on.executor, proposal.digest)
    await refused_with(on, proposal, "its target changed since it was seen", generation=generation)


async def test_a_target_that_was_deleted_and_created_again_is_another_one(on: Stage) -> None:
    target = on.id("shop/deployment/checkout")
    proposal = await approved(on, ActionRequest(kind=ActionKind("restart_workload"), target=target))
    again = on.deployment()
    on.objects.delete(DEPLOYMENT, namespace="shop", name="checkout")
    for field in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        again["metadata"].pop(field)
    on.objects.create(DEPLOYMENT, again, manager="kubectl-create")
    generation = on.generation()
    await run(on.executor, proposal.digest)
    await refused_with(on, proposal, "it was deleted and created again", generation=generation)


async def expire_it(on: Stage, _: Proposal) -> None:
    await on.clock.sleep(901)


async def pause(on: Stage, _: Proposal) -> None:
    await set_paused(on.store, paused=True, person=ONCALL, reason="release freeze", now=on.clock.now())


async def tamper(on: Stage, proposal: Proposal) -> None:
    async with on.store.transaction() as tx:
        changed = "replace(document::text, 'checkout back to', 'payments back to')::json"
        statement = f"UPDATE proposal SET document = {changed} WHERE digest = :digest RETURNING digest"
        assert (await tx.execute(text(statement), {"digest": proposal.digest})).one()


async def forget_the_click(on: Stage, proposal: Proposal) -> None:
    async with on.store.transaction() as tx:
        await tx.execute(text("DELETE FROM decision WHERE digest = :digest"), {"digest": proposal.digest})


@pytest.mark.parametrize(
    ("meanwhile", "words"),
    [
        pytest.param(expire_it, "it expired at", id="it expired before the executor came to it"),
        pytest.param(pause, "Midwatch is paused", id="somebody pulled the switch"),
        pytest.param(tamper, "changed after it was sealed", id="its document was changed in the database"),
        pytest.param(forget_the_click, "it has 0 of 1 approvals", id="nobody's decision is on record"),
    ],
)
async def test_the_gate_is_asked_right_before_the_effect(
    on: Stage, meanwhile: Callable[[Stage, Proposal], Awaitable[None]], words: str
) -> None:
    before = on.generation()
    proposal = await approved(on)
    await meanwhile(on, proposal)
    await run(on.executor, proposal.digest)
    await refused_with(on, proposal, words, generation=before)


async def test_another_policy_than_the_approved_one_stops_it(on: Stage) -> None:
    before = on.generation()
    proposal = await approved(on)
    changed = on.executor.policy.model_copy(update={"version": digest_of(b"stricter")})
    async with another_executor(on, policy=changed) as stricter:
        await run(stricter, proposal.digest)
    await refused_with(on, proposal, "the policy changed since it was proposed", generation=before)


async def test_a_rejected_proposal_never_runs_even_if_a_row_says_so(on: Stage) -> None:
    before = on.generation()
    proposal = await sealed(on)
    await on.decide(proposal.digest, Choice.REJECT)
    async with on.store.transaction() as tx:
        await plan_executions(tx, proposal, now=on.clock.now())
    await run(on.executor, proposal.digest)
    await refused_with(on, proposal, "it is rejected, not approved", generation=before)


async def test_half_a_quorum_is_none(on: Stage) -> None:
    before = on.generation()
    proposal = await sealed(on, approvals=2)
    answer = await on.decide(proposal.digest)
    assert isinstance(answer, Accepted)
    assert not answer.complete
    async with on.store.transaction() as tx:
        await plan_executions(tx, proposal, now=on.clock.now())
    await run(on.executor, proposal.digest)
    await refused_with(on, proposal, "it is pending, not approved", generation=before)


async def test_the_second_of_two_people_lets_it_run(on: Stage) -> None:
    before = on.generation()
    proposal = await sealed(on, approvals=2)
    await on.decide(proposal.digest)
    await on.decide(proposal.digest, who=person("bob", "oncall"))
    await run(on.executor, proposal.digest)
    assert (await row(on, proposal)).status is ExecutionStatus.SUCCEEDED
    assert on.generation() == before + 1


async def test_three_executors_at_once_have_one_effect(on: Stage) -> None:
    before = on.generation()
    proposal = await approved(on)
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(another_executor(on)) for _ in range(3)]
        async with asyncio.TaskGroup() as group:
            for each in others:
                group.create_task(run(each, proposal.digest))
    assert (await row(on, proposal)).status is ExecutionStatus.SUCCEEDED
    assert on.generation() == before + 1
    kinds = await on.ledger(INCIDENT)
    assert (kinds.count("dispatched"), kinds.count("executed")) == (1, 1)


async def test_an_undo_puts_exactly_the_captured_state_back(on: Stage) -> None:
    before = on.deployment()["spec"]
    proposal = await approved(on)
    await run(on.executor, proposal.digest)
    assert on.deployment()["spec"] != before
    async with on.store.transaction() as tx:
        await plan_undo(tx, proposal, index=0, now=on.clock.now())
    await run(on.executor, proposal.digest)
    done, undone = await rows(on, proposal)
    assert (done.status, undone.status) == (ExecutionStatus.SUCCEEDED, ExecutionStatus.UNDONE), undone
    assert on.deployment()["spec"] == before
    assert (await on.ledger(INCIDENT))[-2:] == ["undo_dispatched", "undone"]


async def test_an_undo_leaves_alone_what_somebody_changed_since(on: Stage) -> None:
    proposal = await approved(on)
    await run(on.executor, proposal.digest)
    rewrite(on, limit="1Gi")
    generation = on.generation()
    async with on.store.transaction() as tx:
        await plan_undo(tx, proposal, index=0, now=on.clock.now())
    await run(on.executor, proposal.digest)
    _, undo = await rows(on, proposal)
    assert undo.status is ExecutionStatus.REFUSED, undo
    assert "changed again since" in undo.detail
    assert on.generation() == generation


async def test_credentials_that_may_not_patch_are_a_failure_with_the_missing_right(on: Stage, tmp_path: Path) -> None:
    before = on.generation()
    proposal = await approved(on)
    world = on.world
    async with another_executor(
        on, url=world.urls["kubernetes"], token=world.tokens["reader"], folder=tmp_path
    ) as reader:
        await run(reader, proposal.digest)
    found = await row(on, proposal)
    assert found.status is ExecutionStatus.FAILED, found
    assert "patch" in found.detail
    assert "checkout" in found.detail
    assert on.generation() == before
    assert (await on.ledger(INCIDENT))[-1] == "failed"


async def test_a_disruption_budget_that_closed_since_the_approval_is_a_clear_end(on: Stage) -> None:
    """The preview was accepted; then a budget came that wants more pods than there are."""
    store = on.objects
    pods = store.every(kind_named("Pod"), namespace="shop")
    healthy = next(p for p in pods if p["metadata"]["name"].startswith("cart"))
    target = on.id(f"shop/pod/{healthy['metadata']['name']}")
    proposal = await approved(on, ActionRequest(kind=ActionKind("delete_pod"), target=target))
    app = healthy["metadata"]["labels"]["app.kubernetes.io/name"]
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all-of-them", "namespace": "shop"},
        "spec": {"minAvailable": 99, "selector": {"matchLabels": {"app.kubernetes.io/name": app}}},
    }
    store.create(kind_named("PodDisruptionBudget"), budget, manager="kubectl-create")
    await on.world.advance(1)
    await run(on.executor, proposal.digest)
    found = await row(on, proposal)
    assert found.status is ExecutionStatus.FAILED, found
    assert "disruption budget" in found.detail
    assert store.find(kind_named("Pod"), namespace="shop", name=healthy["metadata"]["name"]) is not None
