"""An incident that is settled is not at rest before its graph has come to its end, whatever became of its job."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from incidents.approval import Choice
from incidents.ids import IncidentId
from incidents.incident import Phase
from orchestrator.nodes import postmortem
from orchestrator.store.postmortems import postmortem_of
from orchestrator.sweep import sweep
from tests.orchestrator.staging import Stage


async def written(on: Stage, incident: IncidentId) -> bool:
    """Whether there is a draft of the post-mortem."""
    async with on.store.transaction() as tx:
        return await postmortem_of(tx, incident) is not None


async def rests(on: Stage, incident: IncidentId) -> bool:
    async with on.store.transaction() as tx:
        found = await tx.execute(text("SELECT rests FROM incident WHERE id = :id"), {"id": incident})
        return bool(found.scalar_one())


async def test_the_post_mortem_is_written_although_its_job_was_given_up(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = (await on.until(Phase.AWAITING_DECISION)).id
    assert not await rests(on, incident), "it waits for people"
    [stored] = await on.proposals(incident)

    def fails(*_: Any, **__: Any) -> str:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(postmortem, "draft", fails)
        await on.decide(stored.proposal.digest, Choice.REJECT)
        await on.jobs.drain()
    assert (await on.incident(incident)).phase is Phase.REJECTED
    assert not await written(on, incident)
    assert not await rests(on, incident)

    async with on.store.transaction() as tx:
        await tx.execute(text("DELETE FROM procrastinate_jobs"))  # It was tried too often.
    assert (await sweep(on.store, now=on.clock.now())).advanced == (incident,)
    await on.jobs.drain()
    assert await written(on, incident)
    assert await rests(on, incident)
    assert (await sweep(on.store, now=on.clock.now())).advanced == ()
