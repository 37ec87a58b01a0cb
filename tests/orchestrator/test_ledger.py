"""The ledger in the database: chained under concurrency, refused changes, and nothing without its entry."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from incidents.canonical import digest_of
from incidents.incident import Phase
from incidents.ledger import EntryKind
from orchestrator.ledger import evidence_pack, verify_ledger
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, move
from orchestrator.store.ledger import record
from tests.incidents.making import NOW
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, an_incident

UNSEAL = "ALTER TABLE ledger DISABLE TRIGGER midwatch_ledger_is_append_only"


async def write(store: Store, number: int, *, each: int = 1) -> None:
    async with store.transaction() as tx:
        for part in range(each):
            payload = {"n": number, "part": part, "float": 1e16, "text": "ü\x00"}
            record(tx, kind=EntryKind.DECIDED, incident=None, actor="ada", at=NOW, payload=payload)


@both_servers
async def test_writers_at_once_make_one_chain(store: Store) -> None:
    await asyncio.gather(*(write(store, number, each=number % 3 + 1) for number in range(12)))
    audit = await verify_ledger(store)
    assert audit.intact, audit.summary
    assert audit.entries == 24


async def test_an_empty_ledger_holds(store: Store) -> None:
    assert (await verify_ledger(store)).intact


@both_servers
@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE ledger SET actor = 'mallory'", id="update"),
        pytest.param("DELETE FROM ledger", id="delete"),
        pytest.param("TRUNCATE ledger", id="truncate"),
    ],
)
async def test_the_database_refuses_to_change_it(store: Store, statement: str) -> None:
    await write(store, 1)
    with pytest.raises(DBAPIError, match="append-only"):
        async with store.transaction() as tx:
            await tx.execute(text(statement))
    assert (await verify_ledger(store)).entries == 1


@pytest.mark.parametrize(
    ("statement", "seq", "problem"),
    [
        pytest.param(
            "UPDATE ledger SET actor = 'mallory' WHERE seq = 3", 3, "content was changed", id="a changed actor"
        ),
        pytest.param(
            "UPDATE ledger SET at = at + interval '1 microsecond' WHERE seq = 2",
            2,
            "content was changed",
            id="a moved time",
        ),
        pytest.param(
            "UPDATE ledger SET payload = '{\"n\": 1}' WHERE seq = 4", 4, "content was changed", id="another payload"
        ),
        pytest.param("DELETE FROM ledger WHERE seq = 3", 4, "one was removed", id="a removed entry"),
        pytest.param(
            "UPDATE ledger SET seq = CASE seq WHEN 1 THEN 102 ELSE 101 END WHERE seq IN (1, 2);"
            " UPDATE ledger SET seq = seq - 100 WHERE seq > 100",
            1,
            "does not follow",
            id="two entries in the other order",
        ),
    ],
)
async def test_what_gets_around_the_database_is_found(store: Store, statement: str, seq: int, problem: str) -> None:
    for number in range(5):
        await write(store, number)
    async with store.transaction() as tx:
        for part in (UNSEAL, *statement.split(";")):
            await tx.execute(text(part))
    audit = await verify_ledger(store)
    assert not audit.intact
    assert any(found.seq == seq and problem in found.problem for found in audit.breaks), audit.breaks


async def test_an_end_that_was_cut_off_is_found_by_an_earlier_head(store: Store) -> None:
    for number in range(3):
        await write(store, number)
    head = (await verify_ledger(store)).head
    await write(store, 4)
    assert (await verify_ledger(store, head=head)).intact
    async with store.transaction() as tx:
        await tx.execute(text(UNSEAL))
        await tx.execute(text("DELETE FROM ledger WHERE seq >= 3"))
    assert (await verify_ledger(store)).intact, "the chain alone cannot see it"
    assert "cut off" in (await verify_ledger(store, head=head)).summary


async def test_a_ledger_longer_than_a_page_is_read_to_its_end(store: Store) -> None:
    await write(store, 1, each=1203)
    assert (await verify_ledger(store)).entries == 1203


async def test_without_its_entry_nothing_stands(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        await tx.execute(text("ALTER TABLE ledger ADD CONSTRAINT closed CHECK (seq < 0)"))
    with pytest.raises(DBAPIError, match="closed"):
        async with store.transaction() as tx:
            await move(tx, INCIDENT, to=Phase.ESCALATED, because="x", actor="x", now=NOW)
    async with store.transaction() as tx:
        assert (await incident_of(tx, INCIDENT)).phase is Phase.OPEN


async def test_an_incidents_entries_can_be_taken_out(store: Store) -> None:
    await an_incident(store, phases=(Phase.ESCALATED,))
    await write(store, 1)
    [entry] = await evidence_pack(store, INCIDENT)
    assert (entry.kind, entry.incident) == (EntryKind.ESCALATED, INCIDENT)
    assert entry.hash != digest_of(b"")
