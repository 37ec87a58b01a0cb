"""Looks at a database and changes nothing: version, migrations, and whether the ledger takes entries only."""

from datetime import datetime
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from incidents.value import Value
from orchestrator.store.control import SWITCH
from orchestrator.store.database import sqlalchemy_url
from orchestrator.store.outages import OUTAGES

MIGRATIONS = Path(__file__).parent / "migrations"
OLDEST = 140000
"""PostgreSQL 14, as `server_version_num` has it."""
_TRIAL = -1
"""A sequence number that no entry has: the trial is rolled back."""


class DatabaseUnreachableError(Exception):
    """The database cannot be reached: see that it runs and that address, user and password are right."""


class DatabaseReport(Value):
    """What was seen."""

    version: str
    supported: bool
    revision: str = ""
    """The migration that the database stands at; empty: none yet."""
    head: str
    """The migration that this version of Midwatch needs."""
    ledger_writable: bool = False
    ledger_append_only: bool = False
    """An attempt to delete from the ledger was refused."""
    ledger_problem: str = ""
    last_delivery: datetime | None = None
    """When Alertmanager last delivered something."""
    heartbeats: dict[str, datetime] = {}
    """Dead man's switches by `cluster/name`, and when each was last heard."""
    paused: bool = False

    @property
    def migrated(self) -> bool:
        """Whether the tables are those of this version."""
        return self.revision == self.head


def unreachable(error: BaseException) -> DatabaseUnreachableError:
    """An outage in words: what to look at, and the first line of what the driver said."""
    said = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
    return DatabaseUnreachableError(f"{DatabaseUnreachableError.__doc__} ({said})")


async def inspect(url: str) -> DatabaseReport:
    """Look. Raises DatabaseUnreachableError. Everything is rolled back."""
    engine = create_async_engine(sqlalchemy_url(url), connect_args={"connect_timeout": 5})
    try:
        async with engine.connect() as connection:
            return await _report(connection)
    except OUTAGES as error:
        raise unreachable(error) from None
    finally:
        await engine.dispose()


async def _report(connection: AsyncConnection) -> DatabaseReport:
    version = (await connection.execute(text("SHOW server_version"))).scalar_one()
    number = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""
    seen = DatabaseReport(version=str(version), supported=number >= OLDEST, head=head)
    revision = await _revision(connection)
    if not revision:
        return seen
    if revision != head:
        return seen.model_copy(update={"revision": revision})
    problem, refused = await _try_ledger(connection)
    return seen.model_copy(
        update={
            "revision": revision,
            "ledger_writable": not problem,
            "ledger_append_only": refused,
            "ledger_problem": problem,
            **await _lately(connection),
        }
    )


async def _revision(connection: AsyncConnection) -> str:
    try:
        found = await connection.execute(text("SELECT version_num FROM midwatch_version"))
    except ProgrammingError:
        await connection.rollback()
        return ""
    return str(found.scalar_one_or_none() or "")


async def _try_ledger(connection: AsyncConnection) -> tuple[str, bool]:
    """What stands against writing an entry, and whether removing it was refused. Nothing of it is committed."""
    entry = (
        "INSERT INTO ledger (seq, at, kind, incident_id, actor, payload, previous, hash) "
        "VALUES (:seq, now(), 'trial', NULL, 'doctor', '{}', '', '')"
    )
    try:
        await connection.execute(text(entry), {"seq": _TRIAL})
    except DBAPIError as error:
        await connection.rollback()
        return str(error.orig).split("\n")[0], False
    try:
        await connection.execute(text("DELETE FROM ledger WHERE seq = :seq"), {"seq": _TRIAL})
    except DBAPIError:
        return "", True
    else:
        return "", False
    finally:
        await connection.rollback()


async def _lately(connection: AsyncConnection) -> dict[str, object]:
    delivered = (await connection.execute(text("SELECT max(last_at) FROM delivery"))).scalar_one()
    beats = await connection.execute(text("SELECT cluster, name, last_seen FROM heartbeat"))
    switch = await connection.execute(
        text("SELECT (document ->> 'paused')::boolean FROM control WHERE name = :name"), {"name": SWITCH}
    )
    return {
        "last_delivery": delivered,
        "heartbeats": {f"{row.cluster}/{row.name}": row.last_seen for row in beats},
        "paused": bool(switch.scalar_one_or_none()),
    }
