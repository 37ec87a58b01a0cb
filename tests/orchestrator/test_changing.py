"""The one door for changes, against the database: a row before anything else, once, on any number of processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text

from incidents.approval import Channel, Person, Refusal, Refused
from incidents.ids import ProposalDigest
from incidents.incident import Phase
from incidents.ledger import EntryKind, verify
from incidents.narrowing import NotNarrower, StepWish, Wanted
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.changing import Changed, change
from orchestrator.narrowing import give_up, narrowed_plan
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, move
from orchestrator.store.instructions import restart_at
from orchestrator.store.ledger import entries
from orchestrator.store.narrowings import narrowing_of, narrowings_of
from orchestrator.store.proposals import proposal_by
from tests.incidents.making import after, person
from tests.incidents.narrowings import scale
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, a_proposal

JOBS = text("SELECT task_name, args ->> 'incident' AS incident FROM procrastinate_jobs ORDER BY id")
DANA, EVE = person("dana"), person("eve", "viewer")


def eight(to: object = 8) -> Wanted:
    return Wanted.model_validate({"arguments": [StepWish.model_validate({"step": 1, "arguments": {"replicas": to}})]})


async def wish(
    store: Store, digest: str, *, who: Person = DANA, wanted: Wanted | None = None, seconds: float = 1
) -> Changed | Refused | NotNarrower:
    return await change(
        store,
        ProposalDigest(digest),
        person=who,
        wanted=wanted or eight(),
        channel=Channel.SLACK,
        now=after(seconds),
    )


async def kinds(store: Store) -> list[EntryKind]:
    async with store.transaction() as tx:
        found = [entry async for entry in entries(tx)]
    assert verify(found) == []
    return [entry.kind for entry in found]


@both_servers
async def test_a_change_is_all_of_its_rows_or_none(store: Store) -> None:
    proposal = await a_proposal(store, actions=(scale(),))
    answer = await wish(store, proposal.digest)
    assert isinstance(answer, Changed)
    assert answer.text == "replicas of checkout 12 -> 8"
    async with store.transaction() as tx:
        asked = await narrowing_of(tx, proposal.digest)
        assert (await proposal_by(tx, proposal.digest)).status is ProposalStatus.SUPERSEDED
        assert (await incident_of(tx, INCIDENT)).phase is Phase.INVESTIGATING
        assert await restart_at(tx, INCIDENT) == "plan"
        plan = await narrowed_plan(tx, INCIDENT)
        jobs = [(row.task_name, row.incident) for row in await tx.execute(JOBS)]
    assert asked is not None
    assert (asked.person, asked.channel, asked.wanted) == (DANA, Channel.SLACK, eight())
    assert plan is not None
    assert [request.arguments for request in plan.requests] == [{"replicas": 8}]
    assert ("advance", INCIDENT) in jobs
    assert await kinds(store) == [EntryKind.NARROWED, EntryKind.SUPERSEDED]


@both_servers
async def test_the_same_click_on_many_processes_counts_once(open_store: Callable[[], Store]) -> None:
    async with open_store() as one, open_store() as other:
        proposal = await a_proposal(one, actions=(scale(),))
        found = await asyncio.gather(
            *(wish(store, proposal.digest, seconds=n) for n, store in enumerate([one, other] * 4))
        )
        assert all(isinstance(answer, Changed) for answer in found)
        async with one.transaction() as tx:
            assert len(await narrowings_of(tx, INCIDENT)) == 1
        assert await kinds(one) == [EntryKind.NARROWED, EntryKind.SUPERSEDED]


@both_servers
async def test_of_two_people_the_first_counts_and_the_second_hears_of_it(open_store: Callable[[], Store]) -> None:
    async with open_store() as one, open_store() as other:
        proposal = await a_proposal(one, actions=(scale(),))
        lee = person("lee")
        found = await asyncio.gather(wish(one, proposal.digest), wish(other, proposal.digest, who=lee, wanted=eight(6)))
        [first] = [answer for answer in found if isinstance(answer, Changed)]
        [second] = [answer for answer in found if isinstance(answer, Refused)]
        assert second.refusal is Refusal.NOT_PENDING
        assert first.text in second.message


@pytest.mark.parametrize(
    ("digest", "who", "seconds", "refusal"),
    [
        pytest.param("", EVE, 1, Refusal.MISSING_ROLE, id="a viewer"),
        pytest.param("", person("bot", "oncall", bot=True), 1, Refusal.BOT, id="a bot"),
        pytest.param("", DANA, 900, Refusal.EXPIRED, id="at its expiry"),
        pytest.param("sha256:00", DANA, 1, Refusal.UNKNOWN_PROPOSAL, id="a proposal that is not there"),
    ],
)
async def test_a_refusal_changes_nothing_and_is_noted(
    store: Store, digest: str, who: Person, seconds: float, refusal: Refusal
) -> None:
    proposal = await a_proposal(store, actions=(scale(),))
    answer = await wish(store, digest or proposal.digest, who=who, seconds=seconds)
    assert isinstance(answer, Refused)
    assert answer.refusal is refusal
    await nothing_happened(store, proposal)


async def test_a_wish_that_widens_is_noted_with_its_words(store: Store) -> None:
    proposal = await a_proposal(store, actions=(scale(),))
    assert isinstance(await wish(store, proposal.digest, wanted=eight(99)), NotNarrower)
    await nothing_happened(store, proposal)
    async with store.transaction() as tx:
        [entry] = [entry async for entry in entries(tx)]
    assert entry.actor == DANA.id
    assert entry.payload["refusal"] == "not_narrower"
    assert entry.payload["wanted"] == eight(99).model_dump(mode="json")


async def test_an_incident_that_closed_takes_no_change(store: Store) -> None:
    proposal = await a_proposal(store, actions=(scale(),))
    async with store.transaction() as tx:
        await move(tx, INCIDENT, to=Phase.RESOLVED, because="all alerts resolved", actor="worker", now=after(1))
    answer = await wish(store, proposal.digest)
    assert isinstance(answer, Refused)
    assert "resolved" in answer.message


async def test_what_cannot_be_done_is_given_up_once_and_told(store: Store) -> None:
    proposal = await a_proposal(store, actions=(scale(),))
    await wish(store, proposal.digest)
    async with store.transaction() as tx:
        plan = await narrowed_plan(tx, INCIDENT)
        assert plan is not None
        await give_up(tx, plan, incident=INCIDENT, why="a quota allows seven")
    async with store.transaction() as tx:
        assert await narrowed_plan(tx, INCIDENT) is None, "the plan of the case stands again"
        asked = await narrowing_of(tx, proposal.digest)
    assert asked is not None
    assert asked.problem == "a quota allows seven"


async def nothing_happened(store: Store, proposal: Proposal) -> None:
    async with store.transaction() as tx:
        assert (await proposal_by(tx, proposal.digest)).status is ProposalStatus.PENDING
        assert await narrowings_of(tx, INCIDENT) == ()
        assert (await incident_of(tx, INCIDENT)).phase is Phase.AWAITING_DECISION
    assert await kinds(store) == [EntryKind.STEERING_REFUSED]
