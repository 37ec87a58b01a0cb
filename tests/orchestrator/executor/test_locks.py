"""Two incidents never change the same thing at once, and nothing stays locked for ever."""

from __future__ import annotations

import asyncio

from incidents.approval import Accepted
from incidents.ids import IncidentId
from incidents.incident import Phase
from orchestrator.executor.running import run
from orchestrator.store.incidents import move
from orchestrator.store.locks import Held, locks_of, take_locks
from tests.orchestrator.executor.sealing import INCIDENT, rollback, row, sealed
from tests.orchestrator.staging import Stage

OTHER = IncidentId("inc-cccccccccccc")


async def test_what_was_refused_locks_nothing(on: Stage) -> None:
    proposal = await sealed(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    await on.clock.sleep(901)
    await run(on.executor, proposal.digest)
    async with on.store.transaction() as tx:
        assert await locks_of(tx, INCIDENT) == ()


async def test_of_many_who_want_overlapping_things_one_gets_them_and_nobody_waits_in_a_circle(on: Stage) -> None:
    first, second = await sealed(on), await sealed(on, rollback(on), incident=OTHER)
    things = [on.id(f"shop/deployment/{name}") for name in ("checkout", "cart", "web", "search")]

    async def take(turn: int) -> Held | None:
        proposal = (first, second)[turn % 2]
        wanted = things[turn % 3 :] + things[: turn % 2]
        async with on.store.transaction() as tx:
            held = await take_locks(
                tx, wanted, incident=proposal.body.incident, digest=proposal.digest, now=on.clock.now()
            )
            if held is not None:
                await tx.rollback()
        return held

    answers = await asyncio.gather(*(take(turn) for turn in range(12)))
    winners = {(INCIDENT, OTHER)[turn % 2] for turn, held in enumerate(answers) if held is None}
    assert len(winners) == 1
    [winner] = winners
    assert {held.incident for held in answers if held is not None} == {winner}


async def test_what_a_dead_process_left_behind_counts_until_its_incident_has_ended(on: Stage) -> None:
    first, second = await sealed(on), await sealed(on, rollback(on), incident=OTHER)
    target = on.id("shop/deployment/checkout")
    async with on.store.transaction() as tx:
        await take_locks(tx, [target], incident=INCIDENT, digest=first.digest, now=on.clock.now())
    assert isinstance(await on.decide(second.digest), Accepted)
    before = on.generation()
    await run(on.executor, second.digest)
    assert on.generation() == before
    assert f"waits for {INCIDENT}, which changes checkout" in await on.told(OTHER)
    async with on.store.transaction() as tx:
        await move(tx, INCIDENT, to=Phase.ESCALATED, because="people took over", actor="test", now=on.clock.now())
    await run(on.executor, second.digest)
    assert on.generation() == before + 1, await row(on, second)
