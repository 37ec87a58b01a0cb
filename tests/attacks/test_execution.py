"""Attacks between the approval and the change: on what runs, on what it runs against, and on when.

For each guard there is a control: the same attack against an executor without that guard succeeds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from incidents.action import ActionRequest
from incidents.approval import Accepted, Channel, Choice, Decision
from incidents.canonical import digest_of
from incidents.execution import ExecutionStatus
from incidents.ids import ActionKind, DecisionId, EntityId
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.decisions import set_paused, supersede
from orchestrator.executor.running import run
from orchestrator.jobs import Task, enqueue
from orchestrator.store.decisions import save_decision
from orchestrator.store.executions import plan_executions, plan_undo
from orchestrator.store.proposals import proposal_by, save_proposal, set_proposal_status
from tests.attacks.attack import attack
from tests.attacks.ground import approved, nothing_ran, rewrite, run_unfenced, run_ungated
from tests.incidents.making import person
from tests.orchestrator.executor.sealing import INCIDENT, row, rows, sealed
from tests.orchestrator.staging import DEPLOYMENT, ONCALL, Stage, another_executor
from tools.action import Action

Meanwhile = Callable[[Stage, Proposal], Awaitable[None]]


async def wait_too_long(on: Stage, _: Proposal) -> None:
    await on.clock.sleep(901)


async def pull_the_switch(on: Stage, _: Proposal) -> None:
    await set_paused(on.store, paused=True, person=ONCALL, reason="freeze", now=on.clock.now())


async def withdraw(on: Stage, proposal: Proposal) -> None:
    async with on.store.transaction() as tx:
        await supersede(tx, await proposal_by(tx, proposal.digest), because="other", actor="worker", now=on.clock.now())


async def edit_arguments(on: Stage, proposal: Proposal) -> None:
    """Another revision, straight in the database."""
    await _rewrite_document(on, proposal, '"to_revision": 2', '"to_revision": 1', needed=False)
    await _rewrite_document(on, proposal, "Roll checkout back", "Scale checkout to 0")


async def lower_the_quorum(on: Stage, proposal: Proposal) -> None:
    await _rewrite_document(on, proposal, '"approvals": 2', '"approvals": 1')
    async with on.store.transaction() as tx:
        await set_proposal_status(
            tx, proposal.digest, to=ProposalStatus.APPROVED, sources=(ProposalStatus.PENDING,), now=on.clock.now()
        )
        await plan_executions(tx, proposal, now=on.clock.now())


async def delete_the_click(on: Stage, proposal: Proposal) -> None:
    async with on.store.transaction() as tx:
        await tx.execute(text("DELETE FROM decision WHERE digest = :digest"), {"digest": proposal.digest})


async def _rewrite_document(on: Stage, proposal: Proposal, old: str, new: str, *, needed: bool = True) -> None:
    async with on.store.transaction() as tx:
        statement = (
            "UPDATE proposal SET document = replace(document::text, :old, :new)::json"
            " WHERE digest = :digest AND position(:old in document::text) > 0 RETURNING digest"
        )
        done = (await tx.execute(text(statement), {"old": old, "new": new, "digest": proposal.digest})).first()
        assert done is not None or not needed, f"{old} is not in the document: the attack was not tried"


GATED = {
    "wait too long": (wait_too_long, "it expired at"),
    "pull the switch": (pull_the_switch, "Midwatch is paused"),
    "withdraw": (withdraw, "it is superseded, not approved"),
    "edit arguments": (edit_arguments, "changed after it was sealed"),
    "delete the click": (delete_the_click, "it has 0 of 1 approvals"),
}


async def held_by_the_gate(on: Stage, name: str) -> None:
    meanwhile, why = GATED[name]
    before, proposal = on.generation(), await approved(on)
    await meanwhile(on, proposal)
    await nothing_ran(on, proposal, generation=before, why=why)


@pytest.mark.parametrize("name", GATED)
async def test_control_without_the_gate_it_runs(on: Stage, name: str) -> None:
    before, proposal = on.generation(), await approved(on)
    await GATED[name][0](on, proposal)
    await run_ungated(on, proposal)
    assert on.generation() == before + 1


@attack(
    "run-after-expiry",
    "An approved proposal is run after its time",
    tried="approved in time, but no executor came to it before its expiry",
    stopped="the executor compares the expiry of the digest itself, in the transaction that writes `dispatched`",
)
async def test_run_after_expiry(on: Stage) -> None:
    await held_by_the_gate(on, "wait too long")


@attack(
    "run-while-paused",
    "Something runs although the kill switch was pulled",
    tried="approved, then paused, then the executor comes",
    stopped="the switch is read in the transaction that writes `dispatched`",
)
async def test_run_while_paused(on: Stage) -> None:
    await held_by_the_gate(on, "pull the switch")


@attack(
    "run-superseded",
    "An approved proposal runs after it was withdrawn",
    tried="superseded between the approval and the execution",
    stopped="status is read under the proposal's row lock",
)
async def test_run_superseded(on: Stage) -> None:
    await held_by_the_gate(on, "withdraw")


@attack(
    "edited-arguments",
    "Arguments are edited after the approval",
    tried="UPDATE of the stored proposal in the database",
    stopped="the executor recomputes the digest of what it is about to run",
)
async def test_edited_arguments(on: Stage) -> None:
    await held_by_the_gate(on, "edit arguments")


@attack(
    "deleted-decision",
    "The approval is removed after the proposal was approved",
    tried="DELETE of the decision row; status and execution row stay",
    stopped="the executor counts the decisions itself, whatever the status says",
)
async def test_deleted_decision(on: Stage) -> None:
    await held_by_the_gate(on, "delete the click")


@attack(
    "edited-quorum",
    "The needed approvals are lowered in the database",
    tried="two needed, one given; `approvals` is set to 1, the status to approved, the execution planned",
    stopped="the policy's verdict is part of the digest",
)
async def test_edited_quorum(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, approvals=2)
    await on.decide(proposal.digest)
    await lower_the_quorum(on, proposal)
    await nothing_ran(on, proposal, generation=before, why="changed after it was sealed")


@attack(
    "status-set-to-approved",
    "The status is set to approved in the database",
    tried="UPDATE of the status and an execution row, without any decision",
    stopped="the executor counts decisions, not statuses",
)
async def test_status_set(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    async with on.store.transaction() as tx:
        await set_proposal_status(
            tx, proposal.digest, to=ProposalStatus.APPROVED, sources=(ProposalStatus.PENDING,), now=on.clock.now()
        )
        await plan_executions(tx, proposal, now=on.clock.now())
    await nothing_ran(on, proposal, generation=before, why="it has 0 of 1 approvals")


async def _forged_decision(on: Stage, proposal: Proposal) -> None:
    forged = Decision(
        id=DecisionId("de-forged"),
        digest=proposal.digest,
        person=person("dana", "oncall"),
        choice=Choice.APPROVE,
        at=on.clock.now(),
        channel=Channel.CONSOLE,
    )
    async with on.store.transaction() as tx:
        await save_decision(tx, forged)
        await set_proposal_status(
            tx, proposal.digest, to=ProposalStatus.APPROVED, sources=(ProposalStatus.PENDING,), now=on.clock.now()
        )
        await plan_executions(tx, proposal, now=on.clock.now())


@attack(
    "forged-decision",
    "A decision is written into the database",
    tried="a decision row in the name of the person on call, the status and the execution row; no ledger entry",
    stopped="a decision counts only when the ledger holds it word for word",
)
async def test_forged_decision(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    await _forged_decision(on, proposal)
    await nothing_ran(on, proposal, generation=before, why="the ledger does not hold the decision of dana")


async def test_control_a_forged_decision_would_count_without_the_gate(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    await _forged_decision(on, proposal)
    assert (await run_ungated(on, proposal)).status is ExecutionStatus.SUCCEEDED
    assert on.generation() == before + 1


@attack(
    "executor-called-directly",
    "The executor is woken for a proposal that nobody decided",
    tried="an EXECUTE job for a pending digest, with and without execution rows",
    stopped="a job only wakes: the executor reads proposal, decisions, policy and switch itself",
)
async def test_executor_called_directly(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    async with on.store.transaction() as tx:
        await enqueue(tx, Task.EXECUTE, INCIDENT, item=proposal.digest)
    await on.jobs.drain()
    assert on.generation() == before
    async with on.store.transaction() as tx:
        await plan_executions(tx, proposal, now=on.clock.now())
        await enqueue(tx, Task.EXECUTE, INCIDENT, item=proposal.digest)
    await on.jobs.drain()
    await nothing_ran(on, proposal, generation=before, why="it is pending, not approved")


@attack(
    "policy-changed",
    "The policy became stricter after the approval",
    tried="the executor has another policy version than the verdict names",
    stopped="the policy's version is part of the digest and is compared at the dispatch",
)
async def test_policy_changed(on: Stage) -> None:
    before, proposal = on.generation(), await approved(on)
    changed = on.executor.policy.model_copy(update={"version": digest_of(b"stricter")})
    async with another_executor(on, policy=changed) as stricter:
        await run(stricter, proposal.digest)
    await nothing_ran(on, proposal, generation=before, why="the policy changed since it was proposed")


@attack(
    "target-changed",
    "The target is changed between approval and execution",
    tried="another memory limit is set by hand on the API server",
    stopped="the fence (uid, generation, content) is compared before, and tested by the patch itself",
)
async def test_target_changed(on: Stage) -> None:
    proposal = await approved(on)
    rewrite(on, limit="300Mi")
    await nothing_ran(on, proposal, generation=on.generation(), why="its target changed since it was seen")


async def test_control_without_the_fence_the_changed_target_is_overwritten(on: Stage) -> None:
    proposal = await approved(on)
    rewrite(on, limit="300Mi")
    before = on.generation()
    assert (await run_unfenced(on, proposal)).status is ExecutionStatus.SUCCEEDED
    assert on.generation() == before + 1


class Meddled:
    """The catalogue's action, with somebody who changes the target between the executor's look and its patch."""

    def __init__(self, action: Action, meddle: Callable[[], None]) -> None:
        self._action, self._meddle = action, meddle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._action, name)

    async def apply(self, *given: Any) -> Any:
        self._meddle()
        return await self._action.apply(*given)


@attack(
    "target-changed-at-last",
    "The target is changed between the executor's look and its patch",
    tried="another memory limit is set after the fence was compared and `dispatched` was committed",
    stopped="compare-and-swap: the patch tests uid and resourceVersion of what was held against the fence",
)
async def test_target_changed_at_the_last_moment(on: Stage) -> None:
    proposal = await approved(on)
    before = on.generation()
    [proposed] = proposal.body.actions
    meddled = Meddled(on.executor.action(proposed.request), lambda: rewrite(on, limit="300Mi"))
    async with another_executor(on, catalogue={**on.executor.catalogue, proposed.request.kind: meddled}) as racing:
        await run(racing, proposal.digest)
    await nothing_ran(on, proposal, generation=before + 1, why="its target changed at the last moment")
    limits = on.deployment()["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["memory"] == "300Mi"


@attack(
    "target-recreated",
    "The target is deleted and created again under its name",
    tried="same name, same specification, new uid",
    stopped="the uid is part of the fence",
)
async def test_target_recreated(on: Stage) -> None:
    target = on.id("shop/deployment/checkout")
    proposal = await approved(on, ActionRequest(kind=ActionKind("restart_workload"), target=target))
    again = on.deployment()
    on.objects.delete(DEPLOYMENT, namespace="shop", name="checkout")
    for field in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        again["metadata"].pop(field)
    on.objects.create(DEPLOYMENT, again, manager="kubectl-create")
    await nothing_ran(on, proposal, generation=on.generation(), why="it was deleted and created again")


async def _foreign(on: Stage, request: ActionRequest) -> Proposal:
    """An approved proposal for something else than what was rehearsed, with a digest that fits it."""
    proposal = await sealed(on)
    action = proposal.body.actions[0].model_copy(update={"request": request})
    made = Proposal.of(proposal.body.model_copy(update={"actions": (action,)}))
    async with on.store.transaction() as tx:
        await save_proposal(tx, made)
    assert isinstance(await on.decide(made.digest), Accepted)
    return made


@attack(
    "action-not-in-catalogue",
    "An approved proposal names a shell command as its action",
    tried="kind `run_shell` with a command as its argument, sealed, approved, executed",
    stopped="the executor has a closed catalogue of typed actions; nothing else can change anything",
)
async def test_not_in_the_catalogue(on: Stage) -> None:
    before = on.generation()
    request = ActionRequest(
        kind=ActionKind("run_shell"), target=on.id("shop/deployment/checkout"), arguments={"command": "kubectl delete"}
    )
    proposal = await _foreign(on, request)
    await run(on.executor, proposal.digest)
    found = await row(on, proposal)
    assert (found.status, "not in the catalogue" in found.detail) == (ExecutionStatus.REFUSED, True), found
    assert on.generation() == before


@attack(
    "target-outside",
    "An approved proposal names a target that is not there",
    tried="a workload that does not exist, one of a cluster that is not configured, one of the wrong kind",
    stopped="write clients exist per configured cluster; the target is read and held against the fence first",
)
@pytest.mark.parametrize(
    "target", ["shop/deployment/nothing", "-/node/worker-1", "../../deployment/checkout", "shop/secret/db"]
)
async def test_target_outside(on: Stage, target: str) -> None:
    before = on.generation()
    entity = on.id(target)
    proposal = await _foreign(on, ActionRequest(kind=ActionKind("restart_workload"), target=entity))
    await run(on.executor, proposal.digest)
    assert (await row(on, proposal)).status is ExecutionStatus.REFUSED
    assert on.generation() == before


@attack(
    "cluster-not-configured",
    "An approved proposal names another cluster",
    tried="the first part of the target's id is a cluster without write credentials",
    stopped="no write client is made for a cluster that the settings do not name",
)
async def test_other_cluster(on: Stage) -> None:
    target = EntityId("elsewhere/shop/deployment/checkout")
    proposal = await _foreign(on, ActionRequest(kind=ActionKind("restart_workload"), target=target))
    before = on.generation()
    await run(on.executor, proposal.digest)
    found = await row(on, proposal)
    assert (found.status, "no write access is configured" in found.detail) == (ExecutionStatus.REFUSED, True)
    assert on.generation() == before


@attack(
    "undo-of-nothing",
    "An undo is planned for what was never done",
    tried="an undo row and an EXECUTE job for a proposal that nobody approved, and for one that was approved only",
    stopped="an undo runs only after its own action succeeded, under the same approval",
)
async def test_undo_of_nothing(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    async with on.store.transaction() as tx:
        await plan_undo(tx, proposal, index=0, now=on.clock.now())
    await run(on.executor, proposal.digest)
    [undo] = await rows(on, proposal)
    assert (undo.status, "there is nothing to take back" in undo.detail) == (ExecutionStatus.REFUSED, True), undo
    assert on.generation() == before


@attack(
    "undo-with-other-state",
    "The captured state is edited before an undo",
    tried="executed, then the stored proposal is changed in the database, then an undo is planned",
    stopped="the digest covers the snapshot, and an undo asks the gate like any action",
)
async def test_undo_with_other_state(on: Stage) -> None:
    proposal = await approved(on)
    await run(on.executor, proposal.digest)
    generation = on.generation()
    await _rewrite_document(on, proposal, "Roll checkout back", "Roll Checkout back")
    async with on.store.transaction() as tx:
        await plan_undo(tx, proposal, index=0, now=on.clock.now())
    await run(on.executor, proposal.digest)
    _, undo = await rows(on, proposal)
    assert (undo.status, "changed after it was sealed" in undo.detail) == (ExecutionStatus.REFUSED, True), undo
    assert on.generation() == generation


async def test_control_an_undo_with_the_captured_state_runs(on: Stage) -> None:
    proposal = await approved(on)
    await run(on.executor, proposal.digest)
    generation = on.generation()
    async with on.store.transaction() as tx:
        await plan_undo(tx, proposal, index=0, now=on.clock.now())
    await run(on.executor, proposal.digest)
    assert (await rows(on, proposal))[1].status is ExecutionStatus.UNDONE
    assert on.generation() == generation + 1
