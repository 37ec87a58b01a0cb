"""The database's row, on a real PostgreSQL in the states in which people meet it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from orchestrator.settings import Settings
from orchestrator.store.inspection import inspect
from service.doctor import database
from service.doctor.finding import Finding, State
from tests.orchestrator.servers import a_copy, embedded_server
from tests.orchestrator.servers import database as fresh_database
from tests.orchestrator.servers import migrated as with_template


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server with a migrated template."""
    with with_template(embedded_server()) as url:
        yield url


@pytest.fixture
def migrated(server: str) -> Iterator[str]:
    """A migrated database."""
    with a_copy(server) as url:
        yield url


async def look(url: str) -> Finding:
    _, found = await database.check(Settings(database_url=url))
    return found


async def test_a_migrated_database_is_as_it_should_be(migrated: str) -> None:
    found = await look(migrated)
    assert found.state is State.OK
    assert "the ledger takes entries and refuses to change them" in found.found


async def test_looking_leaves_nothing_behind(migrated: str) -> None:
    await look(migrated)
    with psycopg.connect(migrated) as connection:
        assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (0,)


async def test_a_database_without_tables_waits_for_its_first_start(server: str) -> None:
    with fresh_database(server, "empty") as url:
        found = await look(url)
    assert found.state is State.DEGRADED
    assert "without tables yet" in found.found


def drop_trigger(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger DISABLE TRIGGER midwatch_ledger_is_append_only")
    return url


def as_reader(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS midwatch_reader")
        connection.execute("CREATE ROLE midwatch_reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO midwatch_reader")
    return url.replace("postgres:@", "midwatch_reader:@").replace("postgres@", "midwatch_reader@")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(drop_trigger, "an entry of the ledger could be deleted", id="the trigger is switched off"),
        pytest.param(as_reader, "permission denied for table ledger", id="a user who may only read"),
    ],
)
async def test_a_ledger_that_cannot_be_trusted_stops_everything(
    migrated: str, damage: Callable[[str], str], words: str
) -> None:
    found = await look(damage(migrated))
    assert found.state is State.FAILED
    assert words in found.found
    assert found.means == "nothing is executed, because nothing can be recorded"
    with ExitStack() as stack:  # a role outlives its database
        connection = stack.enter_context(psycopg.connect(migrated, autocommit=True))
        if damage is as_reader:
            connection.execute("DROP OWNED BY midwatch_reader")
            connection.execute("DROP ROLE midwatch_reader")


async def test_an_older_database_is_told_apart(migrated: str) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE midwatch_version SET version_num = '0000'")
    found = await look(migrated)
    assert found.state is State.DEGRADED
    assert "at migration 0000" in found.found


async def test_the_kill_switch_is_seen(migrated: str) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("""INSERT INTO control VALUES ('kill-switch', '{"paused": true}')""")
    assert (await inspect(migrated)).paused
    assert "execution is paused" in (await look(migrated)).found


async def test_a_server_that_is_not_there_is_told_with_what_it_costs() -> None:
    found = await look("postgresql://postgres@127.0.0.1:1/midwatch")
    assert found.state is State.FAILED
    assert "MIDWATCH_DATABASE_URL" in found.do


async def test_a_folder_that_was_never_used_is_left_alone(tmp_path: Path) -> None:
    _, found = await database.check(Settings(data_dir=tmp_path / "never"))
    assert found.state is State.OK
    assert not (tmp_path / "never").exists()
