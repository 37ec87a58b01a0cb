"""Right before anything runs, policy is asked again: what changed since the approval stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from incidents.approval import Accepted
from incidents.execution import ExecutionStatus
from incidents.ids import IncidentId
from incidents.policy import Policy
from incidents.proposal import Proposal
from orchestrator.executor.running import run
from tests.orchestrator.executor.sealing import row, sealed
from tests.orchestrator.policy.asking import ASK_ALL, folder
from tests.orchestrator.staging import Stage
from tests.tools.scripted_server import Said, Scripted, scripted


def under(on: Stage, policy: Policy) -> Stage:
    """The same stage under another policy."""
    return replace(on, bench=replace(on.bench, policy=policy), executor=replace(on.executor, policy=policy))


async def approved(on: Stage, incident: str = "inc-aaaaaaaaaaaa") -> Proposal:
    made = await sealed(on, incident=IncidentId(incident))
    assert isinstance(await on.decide(made.digest), Accepted)
    return made


async def refused(on: Stage, made: Proposal, words: str) -> None:
    found = await row(on, made)
    assert (found.status, words in found.detail) == (ExecutionStatus.REFUSED, True), found


async def test_a_freeze_that_began_meanwhile(on: Stage, tmp_path: Path) -> None:
    begins = on.clock.now() + timedelta(seconds=60)
    text = ASK_ALL + (
        f"calendar: [{{name: late, start: '{begins.isoformat()}', end: 2099-01-01T00:00:00Z}}]\n"
        "freezes: [{name: the late freeze, during: [late]}]\n"
    )
    on = under(on, folder(tmp_path, text))
    before, made = on.generation(), await approved(on)
    await on.clock.sleep(61)
    await run(on.executor, made.digest)
    await refused(on, made, "the late freeze is in force")
    assert on.generation() == before


async def test_a_freeze_that_asks_for_more_people(on: Stage, tmp_path: Path) -> None:
    begins = on.clock.now() + timedelta(seconds=60)
    text = ASK_ALL + (
        f"calendar: [{{name: late, start: '{begins.isoformat()}', end: 2099-01-01T00:00:00Z}}]\n"
        "freezes: [{name: the late freeze, during: [late], add: 1}]\n"
    )
    on = under(on, folder(tmp_path, text))
    made = await approved(on)
    await on.clock.sleep(61)
    await run(on.executor, made.digest)
    await refused(on, made, "policy asks for more by now: it has 1 of 2 approvals")


async def test_a_limit_that_another_incident_used_up(on: Stage, tmp_path: Path) -> None:
    """Both were approved while there was room for one; two executors at once, and only one change."""
    text = ASK_ALL + "limits: [{name: calm, per: service, most_actions: 1}]\n"
    on = under(on, folder(tmp_path, text))
    one, other = await approved(on), await approved(on, "inc-bbbbbbbbbbbb")
    before = on.generation()
    async with asyncio.TaskGroup() as group:
        for made in (one, other):
            group.create_task(run(on.executor, made.digest))
    await run(on.executor, one.digest)
    await run(on.executor, other.digest)
    found = [(await row(on, made)) for made in (one, other)]
    assert sorted(item.status for item in found) == [ExecutionStatus.REFUSED, ExecutionStatus.SUCCEEDED], found
    assert on.generation() == before + 1


@pytest.fixture
async def opa() -> AsyncIterator[Scripted]:
    """A server that allows until somebody sets `denies` on it."""
    state: dict[str, object] = {"deny": [], "revision": "1"}
    async with scripted(lambda _: Said({"result": state})) as server:
        server.state = state  # type: ignore[attr-defined] # the test turns it
        yield server


async def test_an_opa_server_that_denies_by_now(on: Stage, opa: Scripted, tmp_path: Path) -> None:
    on = under(on, folder(tmp_path, ASK_ALL + f"opa: {{url: '{opa.url}'}}\n"))
    made = await approved(on)
    opa.state["deny"] = ["change management said stop"]  # type: ignore[attr-defined]
    await run(on.executor, made.digest)
    await refused(on, made, "change management said stop")


async def test_another_revision_of_the_opa_servers_policy(on: Stage, opa: Scripted, tmp_path: Path) -> None:
    on = under(on, folder(tmp_path, ASK_ALL + f"opa: {{url: '{opa.url}'}}\n"))
    made = await approved(on)
    opa.state["revision"] = "2"  # type: ignore[attr-defined]
    await run(on.executor, made.digest)
    await refused(on, made, "the policy changed since it was proposed")


async def test_an_opa_server_that_says_the_same_lets_it_run(on: Stage, opa: Scripted, tmp_path: Path) -> None:
    on = under(on, folder(tmp_path, ASK_ALL + f"opa: {{url: '{opa.url}'}}\n"))
    made = await approved(on)
    await run(on.executor, made.digest)
    assert (await row(on, made)).status is ExecutionStatus.SUCCEEDED
