"""What the store promises: conditional changes, leases with fences, stories told once, documents that come back equal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from incidents.alert import Severity
from incidents.execution import ExecutionStatus
from incidents.ids import IncidentId
from incidents.incident import EventKind, Phase
from incidents.proposal import Proposal, ProposalStatus
from incidents.verification import Judgement, Measurement, Outcome, Verification
from orchestrator.store.database import Store
from orchestrator.store.errors import FenceLost, StaleStateError, UnknownError
from orchestrator.store.executions import execution_key, plan_executions, plan_undo, set_execution_status
from orchestrator.store.incidents import count_by_phase, incident_of, list_incidents, move, open_incidents
from orchestrator.store.leases import acquire, release, renew
from orchestrator.store.outbox import Wish, claim, hold_all, sent, want
from orchestrator.store.postmortems import postmortem_of, save_postmortem
from orchestrator.store.proposals import proposal_by, save_proposal
from orchestrator.store.rehearsals import finish_rehearsal, request_rehearsal, requested_rehearsals
from orchestrator.store.spending import Spending, add_spending, spending_of
from orchestrator.store.timeline import Line, append_event, append_events, follow, timeline_of
from orchestrator.store.verifications import add_measurements, measurements_of, save_verification
from tests.incidents.making import NOW, after, proposal, proposed
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, a_proposal, an_incident

TTL = timedelta(seconds=30)


# ---- Phases ---------------------------------------------------------------------------------------------------------


@both_servers
async def test_a_phase_changes_only_from_where_it_may(store: Store) -> None:
    await an_incident(store)
    with pytest.raises(StaleStateError, match="is open: it cannot become verified"):
        async with store.transaction() as tx:
            await move(tx, INCIDENT, to=Phase.VERIFIED, because="x", actor="x", now=NOW)
    async with store.transaction() as tx:
        assert (await incident_of(tx, INCIDENT)).phase is Phase.OPEN
        assert await timeline_of(tx, INCIDENT) == ()


async def test_of_many_that_change_a_phase_at_once_one_succeeds(store: Store) -> None:
    await an_incident(store)

    async def one() -> bool:
        try:
            async with store.transaction() as tx:
                await move(tx, INCIDENT, to=Phase.INVESTIGATING, because="x", actor="x", now=NOW)
        except StaleStateError:
            return False
        return True

    assert sum(await asyncio.gather(*(one() for _ in range(6)))) == 1


async def test_a_closed_incident_carries_its_time_and_is_no_longer_open(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        closed = await move(tx, INCIDENT, to=Phase.RESOLVED, because="x", actor="x", now=after(5))
        assert closed.closed_at == after(5)
        assert await open_incidents(tx) == ()
        assert await count_by_phase(tx) == {Phase.RESOLVED: 1}


async def test_lists_are_filtered(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        assert await list_incidents(tx, search="checkout") != ()
        assert await list_incidents(tx, search="shop/deployment") != ()
        assert await list_incidents(tx, search="100%") == ()
        assert await list_incidents(tx, phases=[Phase.VERIFIED]) == ()
        assert await list_incidents(tx, severity=Severity.SEV2) != ()
        assert await list_incidents(tx, cluster="prod-us") == ()
        with pytest.raises(UnknownError):
            await incident_of(tx, IncidentId("inc-nowhere"))


# ---- Leases ---------------------------------------------------------------------------------------------------------


@both_servers
async def test_one_owner_at_a_time_and_a_higher_fence_each_time(store: Store) -> None:
    await an_incident(store)

    async def one(owner: str) -> int | None:
        async with store.transaction() as tx:
            lease = await acquire(tx, INCIDENT, owner=owner, ttl=TTL)
            return lease.fence if lease else None

    fences = await asyncio.gather(*(one(f"worker-{n}") for n in range(6)))
    assert [fence for fence in fences if fence] == [1]


async def test_a_late_owner_is_refused_after_somebody_took_over(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        late = await acquire(tx, INCIDENT, owner="late", ttl=timedelta(milliseconds=1))
    assert late is not None
    await asyncio.sleep(0.01)
    async with store.transaction() as tx:
        new = await acquire(tx, INCIDENT, owner="new", ttl=TTL)
    assert new is not None
    assert new.fence == late.fence + 1
    with pytest.raises(FenceLost):
        async with store.transaction(lease=late) as tx:
            await move(tx, INCIDENT, to=Phase.INVESTIGATING, because="x", actor="late", now=NOW)
    with pytest.raises(FenceLost):
        async with store.transaction() as tx:
            await renew(tx, late, ttl=TTL)
    async with store.transaction(lease=new) as tx:
        assert (await incident_of(tx, INCIDENT)).phase is Phase.OPEN
        assert not await release(tx, late)
        assert await release(tx, new)


async def test_a_takeover_waits_for_what_the_owner_is_writing(store: Store) -> None:
    """The owner's transaction holds the row: the next owner gets the incident after it, with what it wrote."""
    await an_incident(store)
    async with store.transaction() as tx:
        lease = await acquire(tx, INCIDENT, owner="owner", ttl=timedelta(seconds=2))
    assert lease is not None
    async with store.transaction(lease=lease) as tx:
        await move(tx, INCIDENT, to=Phase.INVESTIGATING, because="x", actor="owner", now=NOW)
        await asyncio.sleep(2.1)

        async def take_over() -> Phase:
            async with store.transaction() as other:
                assert await acquire(other, INCIDENT, owner="next", ttl=TTL)
                return (await incident_of(other, INCIDENT)).phase

        taking = asyncio.create_task(take_over())
        await asyncio.sleep(0.1)
        assert not taking.done()
    assert await taking is Phase.INVESTIGATING


# ---- Timeline -------------------------------------------------------------------------------------------------------


@both_servers
async def test_lines_are_numbered_without_holes_and_told_once_by_key(store: Store) -> None:
    await an_incident(store)

    async def tell(number: int) -> None:
        async with store.transaction() as tx:
            key = f"node-{number % 5}"
            await append_event(tx, INCIDENT, kind=EventKind.NOTE, actor="a", text=key, at=NOW, key=key)

    await asyncio.gather(*(tell(number) for number in range(20)))
    async with store.transaction() as tx:
        told = await timeline_of(tx, INCIDENT)
        assert [event.seq for event in told] == [1, 2, 3, 4, 5]
        assert {event.text for event in told} == {f"node-{number}" for number in range(5)}
        assert [event.seq for event in await timeline_of(tx, INCIDENT, after=3)] == [4, 5]


async def test_of_many_lines_those_are_told_whose_key_was_not(store: Store) -> None:
    await an_incident(store)

    def line(text: str, *, key: str = "") -> Line:
        return Line(
            incident=INCIDENT, kind=EventKind.NOTE, actor="a", text=text, refs=("ev-1",), data={"n": 1}, key=key
        )

    async with store.transaction() as tx:
        await append_event(tx, INCIDENT, kind=EventKind.NOTE, actor="a", text="first", at=NOW, key="one")
        more = [
            line("again", key="one"),
            line("second", key="two"),
            line("twice", key="two"),
            line("odd\x00"),
            line("b"),
        ]
        await append_events(tx, more, at=NOW)
        await append_events(tx, [], at=NOW)
        told = await timeline_of(tx, INCIDENT)
    assert [(event.seq, event.text) for event in told] == [(1, "first"), (2, "second"), (3, "odd\ufffd"), (4, "b")]
    assert (told[1].refs, told[1].data) == (("ev-1",), {"n": 1})


async def test_followers_hear_of_lines_when_they_are_committed(store: Store) -> None:
    await an_incident(store)
    following = follow(store, keep_alive=0.2)
    assert await anext(following) is None, "nothing happened yet"
    async with store.transaction() as tx:
        await append_event(tx, INCIDENT, kind=EventKind.NOTE, actor="a", text="x", at=NOW)
    assert await anext(following) == (INCIDENT, 1)
    await following.aclose()  # type: ignore[attr-defined]


async def test_text_from_outside_may_hold_anything(store: Store) -> None:
    await an_incident(store)
    wild = "NUL \x00, quote ' \" and \U0001f4a5 and a lone %s {}"
    async with store.transaction() as tx:
        await append_event(tx, INCIDENT, kind=EventKind.NOTE, actor="a", text=wild, at=NOW, data={"x": wild})
        [event] = await timeline_of(tx, INCIDENT)
    assert event.text == wild.replace("\x00", "\ufffd")


# ---- Proposals and what follows -------------------------------------------------------------------------------------


@both_servers
async def test_a_proposal_comes_back_intact_whatever_numbers_it_holds(store: Store) -> None:
    """JSONB would turn 1e16 into an integer and the digest would no longer hold."""
    await an_incident(store)
    action = proposed()
    request = action.request.model_copy(
        update={"arguments": {"a": 1e16, "b": 3.0, "c": 3, "d": True, "e": "ü\u2028", "f": 1e-7}}
    )
    sealed = Proposal.of(
        proposal().body.model_copy(update={"actions": (action.model_copy(update={"request": request}),)})
    )
    async with store.transaction() as tx:
        assert await save_proposal(tx, sealed)
        assert not await save_proposal(tx, sealed, status=ProposalStatus.APPROVED)
    async with store.transaction() as tx:
        found = await proposal_by(tx, sealed.digest)
    assert found.proposal == sealed
    assert found.proposal.intact
    assert found.status is ProposalStatus.PENDING


async def test_an_execution_only_moves_forward_and_one_process_dispatches_it(store: Store) -> None:
    made = await a_proposal(store)
    async with store.transaction() as tx:
        [execution] = await plan_executions(tx, made, now=NOW)
        assert await plan_executions(tx, made, now=after(9)) == (execution,)
    assert execution.key == execution_key(made.digest, 0)

    async def dispatch() -> bool:
        try:
            async with store.transaction() as tx:
                await set_execution_status(tx, execution, to=ExecutionStatus.DISPATCHED, now=after(1))
        except StaleStateError:
            return False
        return True

    assert sum(await asyncio.gather(*(dispatch() for _ in range(6)))) == 1
    async with store.transaction() as tx:
        undo = await plan_undo(tx, made, index=0, now=after(2))
        assert (undo.undo, undo.status, undo.key != execution.key) == (True, ExecutionStatus.APPROVED, True)


async def test_the_first_verdict_stands(store: Store) -> None:
    made = await a_proposal(store)

    def verdict(outcome: Outcome) -> Verification:
        return Verification(
            outcome=outcome,
            judgement=Judgement.HELPED,
            results=(),
            evidence=(),
            started_at=NOW,
            ended_at=NOW,
            reason="r",
        )

    measured = Measurement(check=0, at=NOW, value=0.002)
    async with store.transaction() as tx:
        await add_measurements(tx, made.digest, [measured, measured])
        assert await measurements_of(tx, made.digest) == (measured,)
        assert await save_verification(tx, INCIDENT, made.digest, verdict(Outcome.VERIFIED)) == verdict(
            Outcome.VERIFIED
        )
        assert await save_verification(tx, INCIDENT, made.digest, verdict(Outcome.UNDONE)) == verdict(Outcome.VERIFIED)


async def test_a_rehearsal_is_asked_once_and_answered_once(store: Store) -> None:
    await an_incident(store)
    request = proposed().request
    async with store.transaction() as tx:
        one = await request_rehearsal(tx, INCIDENT, request, attempt="1", now=NOW)
        assert await request_rehearsal(tx, INCIDENT, request, attempt="1", now=after(5)) == one
        assert await request_rehearsal(tx, INCIDENT, request, attempt="2", now=NOW) != one
        await finish_rehearsal(tx, one.id, result=None, problem="403", now=NOW)
        assert [r.id for r in await requested_rehearsals(tx, INCIDENT)] != [one.id]
        with pytest.raises(StaleStateError):
            await finish_rehearsal(tx, one.id, result=None, problem="again", now=NOW)


# ---- The rest -------------------------------------------------------------------------------------------------------


def a_wish(key: str = "card", *, says: str = "looking", thread: str = "", version: int = 0) -> Wish:
    return Wish(key=key, channel="#oncall", thread=thread, payload={"text": says}, version=version)


async def test_a_message_is_sent_by_one_process_and_only_when_it_changed(store: Store) -> None:
    async with store.transaction() as tx:
        assert await want(tx, a_wish(), now=NOW)
        assert not await want(tx, a_wish(), now=NOW)
    async with store.transaction() as tx:
        message = await claim(tx, owner="one", seconds=30)
        assert message is not None
        assert (message.payload, message.attempts) == ({"text": "looking"}, 1)
    async with store.transaction() as tx:
        assert await claim(tx, owner="two", seconds=30) is None
        assert await sent(tx, message, receipt="ts", now=NOW)
    async with store.transaction() as tx:
        assert await claim(tx, owner="two", seconds=30) is None
        assert await want(tx, a_wish(says="diagnosed"), now=NOW)
    async with store.transaction() as tx:
        again = await claim(tx, owner="two", seconds=30)
        assert again is not None
        assert (again.payload, again.receipt) == ({"text": "diagnosed"}, "ts")


async def test_an_older_rendering_never_replaces_a_newer_one(store: Store) -> None:
    async with store.transaction() as tx:
        await want(tx, a_wish(says="verified", version=9), now=NOW)
        assert not await want(tx, a_wish(says="looking", version=8), now=NOW)
        message = await claim(tx, owner="one", seconds=30)
    assert message is not None
    assert message.payload == {"text": "verified"}


async def test_what_was_written_while_it_was_sent_is_sent_too(store: Store) -> None:
    async with store.transaction() as tx:
        await want(tx, a_wish(), now=NOW)
        message = await claim(tx, owner="one", seconds=30)
        assert message is not None
    async with store.transaction() as tx:
        await want(tx, a_wish(says="diagnosed"), now=NOW)
        await sent(tx, message, receipt="ts", now=NOW)
    async with store.transaction() as tx:
        again = await claim(tx, owner="one", seconds=30)
    assert again is not None
    assert again.payload == {"text": "diagnosed"}


async def test_a_message_of_a_dead_sender_is_taken_over_and_shows_that_it_was_tried(store: Store) -> None:
    async with store.transaction() as tx:
        await want(tx, a_wish(), now=NOW)
        dead = await claim(tx, owner="dead", seconds=0.05)
        assert dead is not None
    await asyncio.sleep(0.1)
    async with store.transaction() as tx:
        message = await claim(tx, owner="two", seconds=30)
        assert message is not None
        assert (message.attempts, message.receipt) == (2, "")
        assert not await sent(tx, dead, receipt="late", now=NOW)
        assert await sent(tx, message, receipt="ts", now=NOW)


async def test_a_thread_waits_for_its_head_and_is_sent_in_order(store: Store) -> None:
    async with store.transaction() as tx:
        await want(tx, a_wish("log1", thread="card"), now=NOW)
        await want(tx, a_wish("log2", thread="card"), now=NOW)
        await want(tx, a_wish("card"), now=NOW)
    keys = []
    for _ in range(3):
        async with store.transaction() as tx:
            message = await claim(tx, owner="one", seconds=30)
            assert message is not None
            assert await claim(tx, owner="two", seconds=30) is None
            await sent(tx, message, receipt=message.key, now=NOW)
            keys.append(message.key)
    assert keys == ["card", "log1", "log2"]


async def test_a_receiver_that_wants_a_pause_gets_it_from_all_messages(store: Store) -> None:
    async with store.transaction() as tx:
        await want(tx, a_wish("one"), now=NOW)
        await want(tx, a_wish("two"), now=NOW)
        await hold_all(tx, seconds=30)
        assert await claim(tx, owner="one", seconds=30) is None


async def test_spending_adds_up_over_processes(store: Store) -> None:
    await an_incident(store)

    async def spend() -> None:
        async with store.transaction() as tx:
            await add_spending(tx, INCIDENT, Spending(model="m", calls=1, tokens_in=10, usd=0.25))

    await asyncio.gather(*(spend() for _ in range(4)))
    async with store.transaction() as tx:
        assert await spending_of(tx, INCIDENT) == (Spending(model="m", calls=4, tokens_in=40, usd=1.0),)


async def test_post_mortems_keep_their_versions(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        for markdown in ("# One", "# One", "# Two"):
            await save_postmortem(tx, INCIDENT, markdown=markdown, author="scribe", at=NOW)
        found = await postmortem_of(tx, INCIDENT)
    assert found is not None
    assert (found.version, found.markdown) == (2, "# Two")


async def test_instants_come_back_in_utc_and_naive_ones_are_refused(store: Store) -> None:
    await an_incident(store)
    eastern = NOW.astimezone(timezone(timedelta(hours=-5)))
    async with store.transaction() as tx:
        await append_event(tx, INCIDENT, kind=EventKind.NOTE, actor="a", text="x", at=eastern)
        [event] = await timeline_of(tx, INCIDENT)
    assert (event.at, event.at.tzinfo) == (NOW, UTC)
    with pytest.raises(ValueError, match="no time zone"):
        async with store.transaction() as tx:
            await append_event(tx, INCIDENT, kind=EventKind.NOTE, actor="a", text="x", at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


async def test_a_block_that_raises_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.execute(text("INSERT INTO control (name, document) VALUES ('x', '{}')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM control"))).scalar_one() == 0
