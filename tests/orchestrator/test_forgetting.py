"""What ended long ago is reduced to what people decided and what was done; what goes on is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from incidents.ids import IncidentId
from incidents.incident import Phase
from incidents.recording import Look
from orchestrator.forgetting import forget
from orchestrator.settings import Keep
from orchestrator.store.casefiles import add_report, evidence_of, load_case
from orchestrator.store.database import Store
from orchestrator.store.recordings import keep_look, looks_of
from tests.incidents.making import NOW
from tests.orchestrator.making import an_incident
from tests.orchestrator.test_casefiles import report

ENDED, GOING_ON = IncidentId("inc-ended"), IncidentId("inc-going-on")
LONG_AFTER = NOW + timedelta(days=400)


async def counted(store: Store, tables: Sequence[str], incident: IncidentId) -> dict[str, int]:
    async with store.transaction() as tx:
        return {
            table: (
                await tx.execute(text(f"SELECT count(*) FROM {table} WHERE thread_id = :id"), {"id": incident})
            ).scalar_one()
            for table in tables
        }


async def two_incidents(store: Store) -> None:
    await an_incident(store, incident=ENDED, phases=(Phase.INVESTIGATING, Phase.INCONCLUSIVE))
    await an_incident(store, incident=GOING_ON, phases=(Phase.INVESTIGATING,))
    async with store.transaction() as tx:
        for incident in (ENDED, GOING_ON):
            seen = report()
            await add_report(tx, incident, seen)
            await keep_look(tx, incident, Look(agent=seen.agent, round=1, question=None, at=NOW, answers=()))
            await tx.execute(
                text("INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (:id, '1', '{}')"),
                {"id": incident},
            )
            await tx.execute(
                text(
                    "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob)"
                    " VALUES (:id, '1', 't', 0, 'c', '')"
                ),
                {"id": incident},
            )


async def test_what_ended_long_ago_keeps_what_was_found_and_loses_what_it_was_read_from(store: Store) -> None:
    await two_incidents(store)
    done = await forget(store, now=LONG_AFTER, keep=Keep(evidence_days=180))
    assert (done.threads, done.bodies, done.looks) == (1, 1, 1)
    async with store.transaction() as tx:
        (old,), (new,) = await evidence_of(tx, ENDED), await evidence_of(tx, GOING_ON)
        assert await looks_of(tx, ENDED) == ()
        assert len(await looks_of(tx, GOING_ON)) == 1
        case = await load_case(tx, ENDED)
    assert old.body == ""
    assert "180 days" in (old.cut or "")
    assert (old.query, old.digest) == (new.query, new.digest), "what was asked, and the digest of the answer, stay"
    assert new.body
    assert [fact.text for fact in case.facts] == ["OOMKilled"]
    tables = ("checkpoints", "checkpoint_writes")
    assert await counted(store, tables, ENDED) == dict.fromkeys(tables, 0)
    assert await counted(store, tables, GOING_ON) == dict.fromkeys(tables, 1)
    assert not (await forget(store, now=LONG_AFTER, keep=Keep(evidence_days=180))).anything


@pytest.mark.parametrize(
    ("after", "days"),
    [
        pytest.param(timedelta(days=400), 0.0, id="nought days keep it for ever"),
        pytest.param(timedelta(days=179), 180.0, id="not before the days are over"),
    ],
)
async def test_evidence_is_kept_as_long_as_the_settings_say(store: Store, after: timedelta, days: float) -> None:
    await two_incidents(store)
    done = await forget(store, now=NOW + after, keep=Keep(evidence_days=days))
    assert (done.bodies, done.looks) == (0, 0)
    async with store.transaction() as tx:
        assert all(item.body for item in await evidence_of(tx, ENDED))


async def test_old_notifications_go_with_what_was_wrong_in_them(store: Store) -> None:
    async with store.transaction() as tx:
        for number, at in enumerate((NOW, NOW + timedelta(days=399))):
            await tx.execute(
                text(
                    "INSERT INTO delivery (id, digest, group_key, receiver, group_labels, external_url, truncated, at,"
                    " last_at, times) VALUES (:id, :digest, 'g', 'r', '{}', '', 0, :at, :at, 1)"
                ),
                {"id": 9000 + number, "digest": f"sha256:{number}", "at": at},
            )
    assert (await forget(store, now=LONG_AFTER, keep=Keep())).deliveries == 1
    async with store.transaction() as tx:
        assert (await tx.execute(text("SELECT id FROM delivery"))).scalars().all() == [9001]
