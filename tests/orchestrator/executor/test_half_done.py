"""Proposals of several actions of which one ends badly: the rest never runs, and nobody waits for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import text

from incidents.action import ActionRequest
from incidents.approval import Accepted, Channel
from incidents.execution import LATE_SECONDS, Execution, ExecutionStatus
from incidents.ids import ActionKind
from incidents.incident import Phase
from incidents.proposal import Proposal
from orchestrator.executor.deed import Deed
from orchestrator.executor.record import StoreBook
from orchestrator.executor.running import FOLLOW_SECONDS, run
from orchestrator.steering import look_again
from orchestrator.stopping import stop_investigation
from orchestrator.store.incidents import move
from orchestrator.sweep import sweep
from tests.orchestrator.executor.sealing import INCIDENT, rollback, row, rows, sealed
from tests.orchestrator.staging import DEPLOYMENT, ONCALL, Stage
from worlds.objects.kinds import kind_named

WAITING_FOR_NOBODY = 0


def a_pod_of_cart(on: Stage) -> tuple[ActionRequest, str]:
    """Deleting a healthy pod, and the name of its application."""
    pods = on.objects.every(kind_named("Pod"), namespace="shop")
    pod = next(p for p in pods if p["metadata"]["name"].startswith("cart"))
    target = on.id(f"shop/pod/{pod['metadata']['name']}")
    app = pod["metadata"]["labels"]["app.kubernetes.io/name"]
    return ActionRequest(kind=ActionKind("delete_pod"), target=target), app


def forbid_evictions(on: Stage, app: str) -> None:
    """A disruption budget that comes after the approval."""
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all-of-them", "namespace": "shop"},
        "spec": {"minAvailable": 99, "selector": {"matchLabels": {"app.kubernetes.io/name": app}}},
    }
    on.objects.create(kind_named("PodDisruptionBudget"), budget, manager="kubectl-create")


async def failed_at_its_first_action(on: Stage) -> Proposal:
    """An approved proposal of two actions whose first one the target system does not take."""
    eviction, app = a_pod_of_cart(on)
    proposal = await sealed(on, eviction, rollback(on))
    assert isinstance(await on.decide(proposal.digest), Accepted)
    forbid_evictions(on, app)
    await on.world.advance(1)
    await run(on.executor, proposal.digest)
    return proposal


async def escalate(on: Stage) -> None:
    async with on.store.transaction() as tx:
        await move(tx, INCIDENT, to=Phase.ESCALATED, because="failed", actor="worker", now=on.clock.now())


async def test_what_comes_after_a_failed_action_is_refused_and_no_job_comes_back_to_it(on: Stage) -> None:
    proposal = await failed_at_its_first_action(on)
    first, second = await rows(on, proposal)
    assert (first.status, second.status) == (ExecutionStatus.FAILED, ExecutionStatus.REFUSED), second
    assert "an earlier action" in second.detail
    assert await on.ledger(INCIDENT) == ["decided", "dispatched", "failed", "execution_refused"]
    await escalate(on)
    await on.clock.sleep(LATE_SECONDS + 1)
    assert (await sweep(on.store, now=on.clock.now())).executor == WAITING_FOR_NOBODY


async def test_a_late_success_of_the_first_action_does_not_bring_the_second(on: Stage) -> None:
    """People have the incident by then: nothing of the plan may go on behind their backs."""
    before = on.generation()
    proposal = await failed_at_its_first_action(on)
    await escalate(on)
    first, _ = await rows(on, proposal)
    book = StoreBook(on.executor)
    deed = Deed(hands=on.executor, book=book, proposal=proposal, row=first)
    await book.happened_after_all(deed, ExecutionStatus.SUCCEEDED, "the pod is gone (its request arrived late)")
    await run(on.executor, proposal.digest)
    first, second = await rows(on, proposal)
    assert (first.status, second.status) == (ExecutionStatus.SUCCEEDED, ExecutionStatus.REFUSED), second
    assert on.generation() == before


async def test_an_action_whose_predecessor_is_not_on_record_does_not_run(on: Stage) -> None:
    """Who deletes the first row in the database would have the second one run after its expiry."""
    before = on.generation()
    eviction, _ = a_pod_of_cart(on)
    proposal = await sealed(on, eviction, rollback(on))
    assert isinstance(await on.decide(proposal.digest), Accepted)
    await on.clock.sleep(901)
    async with on.store.transaction() as tx:
        await tx.execute(text("DELETE FROM execution WHERE position = 0"))
    await run(on.executor, proposal.digest)
    [left] = await rows(on, proposal)
    assert (left.status, on.generation()) == (ExecutionStatus.REFUSED, before), left
    assert "an earlier action" in left.detail


async def test_after_a_failed_change_people_may_have_it_looked_at_again_and_stop_that(on: Stage) -> None:
    await failed_at_its_first_action(on)
    await escalate(on)
    now = on.clock.now()
    answer = await look_again(on.store, incident=INCIDENT, person=ONCALL, channel=Channel.API, now=now, key="again")
    assert isinstance(answer, str), answer
    stopped = await stop_investigation(on.store, INCIDENT, person=ONCALL, reason="I have it", now=now)
    assert getattr(stopped, "phase", stopped) is Phase.ESCALATED


async def test_a_change_that_is_only_approved_is_under_way(on: Stage) -> None:
    proposal = await sealed(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    waiting: tuple[Execution, ...] = await rows(on, proposal)
    assert [one.status for one in waiting] == [ExecutionStatus.APPROVED]
    now = on.clock.now()
    answer = await look_again(on.store, incident=INCIDENT, person=ONCALL, channel=Channel.API, now=now, key="again")
    assert "under way" in getattr(answer, "message", ""), answer


class Deleting:
    """A clock during whose first rest somebody deletes the target."""

    def __init__(self, on: Stage) -> None:
        self.on, self.gone = on, False

    def now(self) -> datetime:
        return self.on.clock.now()

    async def sleep(self, seconds: float) -> None:
        if not self.gone:
            self.gone = True
            self.on.objects.delete(DEPLOYMENT, namespace="shop", name="checkout")
        await self.on.clock.sleep(seconds)


async def test_the_record_of_a_target_that_vanished_tells_of_no_deadline_that_nobody_waited_for(on: Stage) -> None:
    proposal = await sealed(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    began = on.clock.now()
    await run(replace(on.executor, clock=Deleting(on)), proposal.digest)
    found = await row(on, proposal)
    assert "no longer exists" in found.detail, found
    assert (on.clock.now() - began).total_seconds() < FOLLOW_SECONDS
    assert "not complete after" not in found.detail
