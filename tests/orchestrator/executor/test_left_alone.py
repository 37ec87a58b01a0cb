"""What people said to leave alone is not changed by way of something else either: a pod of it, what deploys it."""

from __future__ import annotations

from incidents.action import ActionRequest
from incidents.approval import Accepted, Channel
from incidents.execution import ExecutionStatus
from incidents.ids import ActionKind
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.executor.running import run
from orchestrator.steering import leave_alone
from orchestrator.store.proposals import proposal_by, save_proposal
from tests.orchestrator.executor.sealing import INCIDENT, row, sealed
from tests.orchestrator.staging import ONCALL, Stage
from worlds.objects.kinds import kind_named


async def eviction_of_a_pod(on: Stage) -> Proposal:
    """Deleting a pod of cart; its blast radius names the workload, as it does where topology is known."""
    pods = on.objects.every(kind_named("Pod"), namespace="shop")
    pod = next(p for p in pods if p["metadata"]["name"].startswith("cart"))
    target = on.id(f"shop/pod/{pod['metadata']['name']}")
    plain = await sealed(on, ActionRequest(kind=ActionKind("delete_pod"), target=target))
    [action] = plain.body.actions
    reach = action.blast_radius.model_copy(update={"workloads": (on.id("shop/deployment/cart"),)})
    changed = {"actions": (action.model_copy(update={"blast_radius": reach}),)}
    made = Proposal.of(plain.body.model_copy(update=changed))
    async with on.store.transaction() as tx:
        await save_proposal(tx, made)
    return made


async def say_hands_off(on: Stage) -> None:
    answer = await leave_alone(
        on.store,
        incident=INCIDENT,
        entity=on.id("shop/deployment/cart"),
        person=ONCALL,
        channel=Channel.API,
        now=on.clock.now(),
        key="hands-off",
        text="leave cart alone",
    )
    assert isinstance(answer, str), answer


async def test_a_pod_of_a_workload_that_is_left_alone_is_not_deleted(on: Stage) -> None:
    proposal = await eviction_of_a_pod(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    await say_hands_off(on)
    await run(on.executor, proposal.digest)
    found = await row(on, proposal)
    assert found.status is ExecutionStatus.REFUSED, found
    assert "leave cart alone" in found.detail


async def test_what_waits_and_reaches_it_is_withdrawn(on: Stage) -> None:
    proposal = await eviction_of_a_pod(on)
    await say_hands_off(on)
    async with on.store.transaction() as tx:
        assert (await proposal_by(tx, proposal.digest)).status is ProposalStatus.SUPERSEDED
