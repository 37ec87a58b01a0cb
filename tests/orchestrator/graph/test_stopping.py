"""A person stops one investigation: at every place on the way to a decision it ends there, recorded, with nothing changed."""

from __future__ import annotations

import asyncio

import pytest

from incidents.approval import Refusal, Refused
from incidents.incident import Incident, Phase
from incidents.proposal import ProposalStatus
from orchestrator import stopping
from orchestrator.stopping import stop_investigation, unless_stopped
from tests.incidents.making import person
from tests.orchestrator.staging import ONCALL, Stage

WHY = "The database team is on it."
POLL_SECONDS = 0.02


async def stop(on: Stage, incident: Incident) -> Incident | Refused:
    return await stop_investigation(on.store, incident.id, person=ONCALL, reason=WHY, now=on.clock.now())


async def opened(on: Stage) -> Incident:
    """The incident as the webhook opened it: no worker has looked at it yet."""
    while not (found := await on.incidents()):
        await on.world.advance(15.0)
    return found[-1]


async def stands_stopped(on: Stage, incident: Incident) -> None:
    await on.work()
    assert (await on.incident(incident.id)).phase is Phase.ESCALATED
    [entry] = [entry for entry in await on.entries(incident.id) if entry.kind == "escalated"]
    assert (entry.actor, entry.payload["because"]) == (ONCALL.id, f"stopped by {ONCALL.name}: {WHY}")


async def test_before_anybody_looked_nobody_looks(on: Stage) -> None:
    incident = await opened(on)
    assert isinstance(await stop(on, incident), Incident)
    await stands_stopped(on, incident)
    assert not any("looking" in line for line in await on.told(incident.id))


async def test_while_the_agents_look_they_are_called_back(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "LOOK_SECONDS", POLL_SECONDS)
    incident = await opened(on)
    working = asyncio.create_task(on.jobs.drain())
    while (await on.incident(incident.id)).phase is Phase.OPEN:  # noqa: ASYNC110 - another process would poll too
        await asyncio.sleep(POLL_SECONDS)
    assert isinstance(await stop(on, incident), Incident)
    await working
    await stands_stopped(on, incident)
    assert await on.proposals(incident.id) == ()
    assert "the draft of the post-mortem is there" in await on.told(incident.id)


async def test_while_a_proposal_waits_it_is_withdrawn(on: Stage) -> None:
    before = on.generation()
    incident = await on.until(Phase.AWAITING_DECISION)
    assert isinstance(await stop(on, incident), Incident)
    await stands_stopped(on, incident)
    [stored] = await on.proposals(incident.id)
    assert stored.status is ProposalStatus.SUPERSEDED
    late = await on.decide(stored.proposal.digest)
    assert isinstance(late, Refused)
    assert late.refusal is Refusal.NOT_PENDING
    assert on.generation() == before


async def test_what_was_approved_is_not_stopped_but_paused(on: Stage) -> None:
    incident = await on.until(Phase.AWAITING_DECISION)
    [stored] = await on.proposals(incident.id)
    await on.decide(stored.proposal.digest)
    answer = await stop(on, incident)
    assert isinstance(answer, Refused)
    assert "pause" in answer.message
    assert (await on.incident(incident.id)).phase is Phase.EXECUTING


@pytest.mark.parametrize(
    ("who", "reason", "refusal"),
    [
        pytest.param(person("ada", "viewer"), WHY, Refusal.MISSING_ROLE, id="a viewer"),
        pytest.param(ONCALL, " ", Refusal.REASON_NEEDED, id="without a reason"),
    ],
)
async def test_who_may_not_changes_nothing(on: Stage, who: object, reason: str, refusal: Refusal) -> None:
    incident = await opened(on)
    answer = await stop_investigation(on.store, incident.id, person=who, reason=reason, now=on.clock.now())  # type: ignore[arg-type] # a person
    assert isinstance(answer, Refused)
    assert answer.refusal is refusal
    assert (await on.incident(incident.id)).phase is Phase.OPEN


async def test_work_that_ends_is_not_disturbed(on: Stage) -> None:
    incident = await opened(on)

    async def work() -> int:
        return 7

    assert await unless_stopped(on.store, incident.id, work()) == 7
