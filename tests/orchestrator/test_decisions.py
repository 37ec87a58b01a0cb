"""Decisions against the database: committed before anybody hears of it, refusals recorded, one person once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from incidents.approval import Accepted, Channel, Choice, Person, Refusal, Refused
from incidents.execution import ExecutionStatus
from incidents.ids import PersonId, ProposalDigest
from incidents.incident import Phase
from incidents.ledger import EntryKind, verify
from incidents.proposal import Proposal, ProposalStatus
from incidents.scope import Grant
from orchestrator.decisions import decide, expire, set_paused, supersede
from orchestrator.store.control import Switch, switch_of
from orchestrator.store.database import Store
from orchestrator.store.decisions import decisions_on, refusals_on
from orchestrator.store.errors import StaleStateError
from orchestrator.store.executions import executions_of
from orchestrator.store.incidents import incident_of, move
from orchestrator.store.ledger import entries
from orchestrator.store.proposals import proposal_by
from orchestrator.store.timeline import timeline_of
from tests.incidents.making import NOW, after, person
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, a_proposal
from tools.clock import ManualClock, SystemClock

JOBS = text("SELECT task_name, args ->> 'incident' AS incident FROM procrastinate_jobs ORDER BY id")


async def click(
    store: Store,
    proposal: Proposal,
    who: Person,
    choice: Choice = Choice.APPROVE,
    *,
    reason: str = "",
    seconds: float = 1,
) -> Accepted | Refused:
    return await decide(
        store, proposal.digest, person=who, choice=choice, reason=reason, channel=Channel.CONSOLE, now=after(seconds)
    )


async def kinds(store: Store) -> list[EntryKind]:
    async with store.transaction() as tx:
        found = [entry async for entry in entries(tx)]
    assert verify(found) == []
    return [entry.kind for entry in found]


async def jobs(store: Store) -> list[tuple[str, str]]:
    async with store.transaction() as tx:
        rows = await tx.execute(JOBS)
        return [(row.task_name, row.incident) for row in rows]


@both_servers
async def test_an_approval_is_complete_when_it_returns(store: Store) -> None:
    proposal = await a_proposal(store)
    answer = await click(store, proposal, person("ada"))
    assert answer == Accepted(status=ProposalStatus.APPROVED, approvals=1, needed=1, complete=True)
    async with store.transaction() as tx:
        assert (await proposal_by(tx, proposal.digest)).status is ProposalStatus.APPROVED
        assert (await incident_of(tx, INCIDENT)).phase is Phase.EXECUTING
        [decision] = await decisions_on(tx, proposal.digest)
        assert (decision.person.name, decision.at) == ("ada", after(1))
        [execution] = await executions_of(tx, proposal.digest)
        assert execution.status is ExecutionStatus.APPROVED
        assert [event.text for event in await timeline_of(tx, INCIDENT)][-2:] == ["Approved by ada (1/1)"] * 2
    assert (await kinds(store))[-1] is EntryKind.DECIDED
    assert await jobs(store) == [("advance", INCIDENT)]


async def test_two_of_two_needs_two_people(store: Store) -> None:
    proposal = await a_proposal(store, approvals=2)
    first = await click(store, proposal, person("ada"))
    assert isinstance(first, Accepted)
    assert not first.complete
    assert await jobs(store) == []
    again = await click(store, proposal, person("ada"))
    assert isinstance(again, Refused)
    assert again.refusal is Refusal.ALREADY_DECIDED
    second = await click(store, proposal, person("grace"))
    assert isinstance(second, Accepted)
    assert second.complete
    assert await jobs(store) == [("advance", INCIDENT)]


async def test_a_rejection_ends_it_with_its_reason(store: Store) -> None:
    proposal = await a_proposal(store)
    await click(store, proposal, person("ada"), Choice.REJECT, reason="change freeze")
    async with store.transaction() as tx:
        assert (await incident_of(tx, INCIDENT)).phase is Phase.REJECTED
        assert "Rejected by ada: change freeze" in [event.text for event in await timeline_of(tx, INCIDENT)]
        assert await executions_of(tx, proposal.digest) == ()


@pytest.mark.parametrize(
    ("who", "seconds", "refusal"),
    [
        pytest.param(person("eve", "viewer"), 1, Refusal.MISSING_ROLE, id="a viewer"),
        pytest.param(person("robot", bot=True), 1, Refusal.BOT, id="a bot"),
        pytest.param(person("ada"), 900, Refusal.EXPIRED, id="too late"),
    ],
)
async def test_a_refusal_is_recorded_and_changes_nothing(
    store: Store, who: Person, seconds: float, refusal: Refusal
) -> None:
    proposal = await a_proposal(store)
    answer = await click(store, proposal, who, seconds=seconds)
    assert isinstance(answer, Refused)
    assert answer.refusal is refusal
    async with store.transaction() as tx:
        assert (await proposal_by(tx, proposal.digest)).status is ProposalStatus.PENDING
        [recorded] = await refusals_on(tx, proposal.digest)
        assert (recorded.refusal, recorded.person.id, recorded.message) == (refusal, who.id, answer.message)
    assert await kinds(store) == [EntryKind.DECISION_REFUSED]
    assert await jobs(store) == []


async def test_a_click_on_nothing_is_recorded_too(store: Store) -> None:
    digest = ProposalDigest("sha256:" + "f" * 64)
    answer = await decide(store, digest, person=person(), choice=Choice.APPROVE, channel=Channel.API, now=NOW)
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.UNKNOWN_PROPOSAL
    assert await kinds(store) == [EntryKind.DECISION_REFUSED]


@both_servers
async def test_racing_clicks_of_one_person_count_once(store: Store) -> None:
    proposal = await a_proposal(store, approvals=2)
    answers = await asyncio.gather(*(click(store, proposal, person("ada")) for _ in range(8)))
    assert sum(isinstance(answer, Accepted) for answer in answers) == 1
    async with store.transaction() as tx:
        assert len(await decisions_on(tx, proposal.digest)) == 1
        assert len(await refusals_on(tx, proposal.digest)) == 7


async def test_racing_people_complete_it_once(store: Store) -> None:
    proposal = await a_proposal(store, approvals=2)
    people = [person(name) for name in ("ada", "grace", "linus", "margaret", "edsger")]
    answers = await asyncio.gather(*(click(store, proposal, who) for who in people))
    assert sum(isinstance(answer, Accepted) and answer.complete for answer in answers) == 1
    assert sum(isinstance(answer, Accepted) for answer in answers) == 2
    assert await jobs(store) == [("advance", INCIDENT)]


async def test_approve_and_reject_at_once_ends_in_one_of_them(store: Store) -> None:
    proposal = await a_proposal(store)
    one, other = await asyncio.gather(
        click(store, proposal, person("ada")), click(store, proposal, person("grace"), Choice.REJECT, reason="no")
    )
    assert isinstance(one, Accepted) != isinstance(other, Accepted)
    async with store.transaction() as tx:
        phase, status = (await incident_of(tx, INCIDENT)).phase, (await proposal_by(tx, proposal.digest)).status
    assert (phase, status) in {
        (Phase.EXECUTING, ProposalStatus.APPROVED),
        (Phase.REJECTED, ProposalStatus.REJECTED),
    }


async def test_expiry_happens_once_and_not_early(store: Store) -> None:
    proposal = await a_proposal(store)
    assert await expire(store, now=after(899)) == ()
    both = await asyncio.gather(expire(store, now=after(900)), expire(store, now=after(900)))
    assert sorted(both, key=len) == [(), (proposal.digest,)]
    async with store.transaction() as tx:
        assert (await incident_of(tx, INCIDENT)).phase is Phase.EXPIRED
    assert await kinds(store) == [EntryKind.EXPIRED]
    assert isinstance(await click(store, proposal, person()), Refused)


async def test_a_decision_beats_the_expiry_that_comes_after_it(store: Store) -> None:
    proposal = await a_proposal(store)
    await click(store, proposal, person(), seconds=899)
    assert await expire(store, now=after(900)) == ()


async def test_a_superseded_proposal_cannot_be_approved_nor_superseded_again(store: Store) -> None:
    proposal = await a_proposal(store)
    async with store.transaction() as tx:
        await supersede(
            tx, await proposal_by(tx, proposal.digest), because="the target changed", actor="executor", now=NOW
        )
    answer = await click(store, proposal, person())
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.NOT_PENDING
    with pytest.raises(StaleStateError):
        async with store.transaction() as tx:
            await supersede(tx, await proposal_by(tx, proposal.digest), because="again", actor="executor", now=NOW)


async def test_the_kill_switch_needs_a_role_and_is_recorded(store: Store) -> None:
    assert isinstance(
        await set_paused(store, paused=True, person=person("eve", "viewer"), reason="x", now=NOW), Refused
    )
    paused = await set_paused(store, paused=True, person=person("ada"), reason="bad deploy", now=NOW)
    assert isinstance(paused, Switch)
    async with store.transaction() as tx:
        assert await switch_of(tx) == paused
    await set_paused(store, paused=True, person=person("grace"), reason="again", now=after(1))
    await set_paused(store, paused=False, person=person("ada"), reason="", now=after(2))
    assert await kinds(store) == [EntryKind.STEERING_REFUSED, EntryKind.PAUSED, EntryKind.RESUMED]


async def test_a_pause_ends_by_itself_and_survives_the_process(open_store: Callable[[], Store]) -> None:
    clock = ManualClock(NOW)
    async with Store(open_store().url, clock=clock) as store:
        await set_paused(store, paused=True, person=person("ada"), reason="deploys", now=NOW, until=after(3600))
    async with Store(store.url, clock=clock) as later, later.transaction() as tx:
        found = await switch_of(tx)
        assert (found.paused, found.by, found.reason) == (True, "ada@example.com", "deploys")
        await clock.advance(3600)
        assert not (await switch_of(tx)).paused


async def test_a_later_pause_without_an_end_replaces_one_with_an_end(open_store: Callable[[], Store]) -> None:
    async with Store(open_store().url, clock=ManualClock(NOW)) as store:
        await set_paused(store, paused=True, person=person("ada"), reason="deploys", now=NOW, until=after(60))
        await set_paused(store, paused=True, person=person("grace"), reason="worse", now=after(1))
        async with store.transaction() as tx:
            found = await switch_of(tx)
    assert (found.until, found.by) == (None, "grace@example.com")


async def test_whose_role_holds_in_a_part_may_pause_and_not_resume(store: Store) -> None:
    mira = Person(id=PersonId("mira@example.com"), name="Mira", grants=(Grant(role="oncall", namespaces=("shop",)),))
    paused = await set_paused(store, paused=True, person=mira, reason="shop burns", now=NOW)
    assert isinstance(paused, Switch)
    assert isinstance(await set_paused(store, paused=False, person=mira, reason="", now=after(1)), Refused)


@pytest.mark.parametrize(
    "standing",
    [
        pytest.param(None, id="a pause until somebody resumes"),
        pytest.param(after(3600), id="a pause that is to last longer"),
    ],
)
async def test_who_may_not_resume_may_not_cut_a_pause_short_either(
    open_store: Callable[[], Store], standing: datetime | None
) -> None:
    mira = Person(id=PersonId("mira@example.com"), name="Mira", grants=(Grant(role="oncall", namespaces=("shop",)),))
    async with Store(open_store().url, clock=ManualClock(NOW)) as store:
        await set_paused(store, paused=True, person=person("ada"), reason="deploys", now=NOW, until=standing)
        cut = await set_paused(store, paused=True, person=mira, reason="x", now=after(1), until=after(2))
        assert isinstance(cut, Refused)
        assert cut.refusal is Refusal.MISSING_ROLE
        async with store.transaction() as tx:
            found = await switch_of(tx)
        assert (found.until, found.by) == (standing, "ada@example.com")
        longer = await set_paused(store, paused=True, person=mira, reason="worse", now=after(3))
        assert isinstance(longer, Switch)
        assert await kinds(store) == [EntryKind.PAUSED, EntryKind.STEERING_REFUSED] + (
            [EntryKind.PAUSED] if standing else []
        )
        shorter = await set_paused(
            store, paused=True, person=person("ada"), reason="soon", now=after(4), until=after(9)
        )
        assert isinstance(shorter, Switch), "who may resume may also say when"


class Fast(SystemClock):
    """The clock of a machine that is an hour ahead of the database."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


async def test_a_machine_whose_clock_is_ahead_does_not_end_a_pause_early(open_store: Callable[[], Store]) -> None:
    now = datetime.now(UTC)
    async with Store(open_store().url, clock=Fast()) as store:
        until = now + timedelta(minutes=30)
        await set_paused(store, paused=True, person=person("ada"), reason="deploys", now=now, until=until)
        async with store.transaction() as tx:
            assert (await switch_of(tx)).paused


async def test_nothing_is_decided_any_more_in_an_incident_that_resolved(store: Store) -> None:
    """Whatever left a proposal behind: what ran now would be watched by nobody."""
    proposal = await a_proposal(store)
    async with store.transaction() as tx:
        await move(tx, INCIDENT, to=Phase.RESOLVED, because="all alerts resolved", actor="test", now=NOW)
    answer = await click(store, proposal, person("ada"))
    assert isinstance(answer, Refused)
    assert "resolved" in answer.message
    async with store.transaction() as tx:
        assert await executions_of(tx, proposal.digest) == ()
        assert [one.refusal for one in await refusals_on(tx, proposal.digest)] == [Refusal.NOT_PENDING]
