"""Migrations: the tables are those of the code, and any number of processes may start at once."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from orchestrator.store.database import Store, sqlalchemy_url
from orchestrator.store.migrate import migrate
from orchestrator.store.tables import metadata
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.servers import database

MIGRATE = "import asyncio, sys; from orchestrator.store.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"


def ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
    return not (
        kind == "table"
        and (name or "").startswith(("procrastinate", "checkpoint", "queue_migration", "midwatch_version"))
    )


@both_servers
def test_the_database_has_exactly_the_tables_of_the_code(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, metadata()) == []
    engine.dispose()


async def test_migrating_again_changes_nothing(store: Store, database_url: str) -> None:
    async with store.transaction() as tx:
        before = (await tx.execute(TABLES)).all()
    await migrate(database_url)
    async with store.transaction() as tx:
        assert (await tx.execute(TABLES)).all() == before
        names = {row.table_name for row in before}
    assert {"incident", "ledger", "procrastinate_jobs", "checkpoints", "checkpoint_writes"} <= names


TABLES = text("SELECT table_name, count(*) FROM information_schema.columns GROUP BY table_name ORDER BY table_name")


@pytest.mark.parametrize("server", ["embedded", pytest.param("debian", marks=pytest.mark.postgres)])
def test_processes_that_start_at_once_migrate_once(request: pytest.FixtureRequest, server: str) -> None:
    with database(request.getfixturevalue(server), "fresh") as url:
        starting = [subprocess.Popen([sys.executable, "-c", MIGRATE, url], stderr=subprocess.PIPE) for _ in range(3)]
        for process in starting:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors.decode()
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM midwatch_version").fetchone()
            assert row == (1,)


async def test_a_new_migration_of_the_queue_is_applied_once(store: Store, database_url: str) -> None:
    """As after an upgrade of the library: a script whose name is not noted runs, and is noted."""
    async with store.transaction() as tx:
        await tx.execute(text("DELETE FROM queue_migration WHERE name = '03.03.00_01_pre_priority_lock_fetch_job.sql'"))
        await tx.execute(text("DROP FUNCTION procrastinate_fetch_job_v2"))
    await migrate(database_url)
    await migrate(database_url)
    async with store.transaction() as tx:
        assert (await tx.execute(text("SELECT to_regproc('procrastinate_fetch_job_v2')"))).scalar_one() is not None
