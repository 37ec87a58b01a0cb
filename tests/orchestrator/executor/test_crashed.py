"""A process died between `dispatched` and the end: the next one looks first, and does nothing twice."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from incidents.approval import Accepted
from incidents.execution import ExecutionStatus
from incidents.proposal import Proposal
from orchestrator.executor.running import run
from orchestrator.store.executions import set_execution_status
from service.ports import free_port
from tests.orchestrator.executor.sealing import INCIDENT, row, sealed
from tests.orchestrator.staging import DEPLOYMENT, Stage, another_executor
from tools.action import Action


async def dispatched(on: Stage) -> Proposal:
    """As a dead executor left it: approved by a person, committed as dispatched, no more."""
    proposal = await sealed(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    approved = await row(on, proposal)
    async with on.store.transaction() as tx:
        await set_execution_status(tx, approved, to=ExecutionStatus.DISPATCHED, now=on.clock.now())
    return proposal


async def effect_of(on: Stage, proposal: Proposal) -> None:
    """The dead executor's request, which did arrive."""
    [proposed] = proposal.body.actions
    key = (await row(on, proposal)).key
    cluster = on.executor.cluster(proposed.request)
    await on.executor.action(proposed.request).apply(cluster, proposed.request, proposed.snapshot, key)


async def test_what_had_happened_is_found_and_not_done_again(on: Stage) -> None:
    before = on.generation()
    proposal = await dispatched(on)
    await effect_of(on, proposal)
    await run(on.executor, proposal.digest)
    assert (await row(on, proposal)).status is ExecutionStatus.SUCCEEDED
    assert on.generation() == before + 1
    assert (await on.ledger(INCIDENT))[-1] == "executed"


async def test_what_had_not_happened_is_done_once(on: Stage) -> None:
    before = on.generation()
    proposal = await dispatched(on)
    await run(on.executor, proposal.digest)
    assert (await row(on, proposal)).status is ExecutionStatus.SUCCEEDED
    assert on.generation() == before + 1
    again = [entry for entry in await on.entries(INCIDENT) if entry.kind.value == "dispatched"]
    assert "looked: it had not happened" in str(again[-1].payload["note"])


async def test_what_had_not_happened_is_not_done_to_a_target_that_changed(on: Stage) -> None:
    proposal = await dispatched(on)
    item = on.deployment()
    item["spec"]["replicas"] = 5
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-scale")
    generation = on.generation()
    await run(on.executor, proposal.digest)
    found = await row(on, proposal)
    assert found.status is ExecutionStatus.REFUSED, found
    assert on.generation() == generation


async def test_what_had_not_happened_is_not_done_after_its_expiry(on: Stage) -> None:
    before = on.generation()
    proposal = await dispatched(on)
    await on.clock.sleep(901)
    await run(on.executor, proposal.digest)
    found = await row(on, proposal)
    assert (found.status, "it expired" in found.detail) == (ExecutionStatus.REFUSED, True), found
    assert on.generation() == before


async def test_a_target_that_nobody_can_read_leaves_it_unknown_and_says_so(on: Stage, tmp_path: Path) -> None:
    before = on.generation()
    proposal = await dispatched(on)
    nobody = f"http://127.0.0.1:{free_port()}"
    async with another_executor(on, url=nobody, token="t", folder=tmp_path) as blind:
        await run(blind, proposal.digest)
    found = await row(on, proposal)
    assert found.status is ExecutionStatus.UNKNOWN, found
    assert found.detail.startswith("nobody could see whether it happened")
    assert on.generation() == before
    assert (await on.ledger(INCIDENT))[-1] == "unknown"
    await run(on.executor, proposal.digest)
    assert (await row(on, proposal)).status is ExecutionStatus.UNKNOWN, "unknown is for people: nothing retries it"
    assert on.generation() == before


async def test_three_successors_of_a_dead_executor_have_one_effect(on: Stage) -> None:
    before = on.generation()
    proposal = await dispatched(on)
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(another_executor(on)) for _ in range(3)]
        async with asyncio.TaskGroup() as group:
            for each in others:
                group.create_task(run(each, proposal.digest))
    assert (await row(on, proposal)).status is ExecutionStatus.SUCCEEDED
    assert on.generation() == before + 1


class Slow:
    """An action whose request is on its way until it is let go."""

    def __init__(self, action: Action) -> None:
        self._action = action
        self.started, self.release = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._action, name)

    async def apply(self, *args: Any) -> Any:
        self.started.set()
        await self.release.wait()
        return await self._action.apply(*args)


async def test_a_slow_executor_that_was_taken_for_dead_puts_the_refusal_right(on: Stage) -> None:
    before = on.generation()
    proposal = await sealed(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    [proposed] = proposal.body.actions
    slow = Slow(on.executor.action(proposed.request))
    catalogue = {**on.executor.catalogue, proposed.request.kind: slow}
    async with another_executor(on, catalogue=catalogue) as alive, asyncio.TaskGroup() as group:
        group.create_task(run(alive, proposal.digest))
        await slow.started.wait()
        await on.clock.sleep(901)
        await run(on.executor, proposal.digest)
        assert (await row(on, proposal)).status is ExecutionStatus.REFUSED
        slow.release.set()
    found = await row(on, proposal)
    assert on.generation() == before + 1
    assert (found.status, "taken for dead: it expired" in found.detail) == (ExecutionStatus.SUCCEEDED, True), found
    assert (await on.ledger(INCIDENT))[-2:] == ["execution_refused", "executed"]
