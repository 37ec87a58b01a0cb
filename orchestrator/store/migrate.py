"""Brings a database to this version of Midwatch: our tables, the job queue's and the checkpointer's, exactly once.

Any number of processes may start at once: one migrates under an advisory lock, the others wait. The lock is tried in
a loop, because a session that blocks on it holds a snapshot, for which the checkpointer's CREATE INDEX CONCURRENTLY
waits for ever.
"""

import asyncio
import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from procrastinate.schema import SchemaManager
from psycopg.rows import dict_row
from sqlalchemy import create_engine

from orchestrator.store.database import libpq_url, sqlalchemy_url

MIGRATE_LOCK = 0x6D_69_64_77_02
"""Key of the advisory lock: `midw` and a number."""
WAIT_SECONDS = 120.0
"""How long another process may take to migrate before this one gives up."""
POLL_SECONDS = 0.2


class MigrationTimeoutError(Exception):
    """Another process has been migrating this database for too long.

    See what it waits for, or stop it and start again.
    """


async def migrate(url: str) -> None:
    """Create or change all tables. Raises MigrationTimeoutError, or the database's own error when a step fails."""
    connection = await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True, connect_timeout=10)
    async with connection:
        await _take_lock(connection)
        await asyncio.to_thread(_upgrade_ours, url)
        await _upgrade_queue(connection)
        connection.row_factory = dict_row  # type: ignore[assignment] # the checkpointer reads rows by name
        await AsyncPostgresSaver(connection).setup()  # type: ignore[arg-type] # the same


def alembic_config() -> Config:
    """Where the migrations are, for Alembic."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


async def _take_lock(connection: psycopg.AsyncConnection) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (MIGRATE_LOCK,))
        row = await cursor.fetchone()
        if row is not None and row[0]:
            return
        await asyncio.sleep(POLL_SECONDS)
    raise MigrationTimeoutError(MigrationTimeoutError.__doc__)


def _upgrade_ours(url: str) -> None:
    engine = create_engine(sqlalchemy_url(url))
    config = alembic_config()
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


async def _upgrade_queue(connection: psycopg.AsyncConnection) -> None:
    """The queue's own schema, then each of its later migrations once; their names are kept in `queue_migration`."""
    scripts = _queue_scripts()
    known = {name for (name,) in await (await connection.execute("SELECT name FROM queue_migration")).fetchall()}
    if not known:
        await _apply(connection, SchemaManager.get_schema(), names=[script.name for script in scripts])
        return
    for script in scripts:
        if script.name not in known:
            await _apply(connection, script.read_text(encoding="utf-8"), names=[script.name])


def _queue_scripts() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


async def _apply(connection: psycopg.AsyncConnection, sql: str, *, names: list[str]) -> None:
    async with connection.transaction():
        await connection.execute(sql.encode())
        for name in names:
            await connection.execute("INSERT INTO queue_migration (name) VALUES (%s)", (name,))
