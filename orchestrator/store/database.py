"""The one way into the database: an engine, and transactions that may assert that an incident is still owned.

What belongs to one aggregate stands in its own file as functions over a transaction `tx`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy import event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from orchestrator.store.errors import FenceLost
from orchestrator.store.leases import Lease
from orchestrator.store.ledger import append_pending
from orchestrator.store.transaction import Tx
from tools.clock import Clock, SystemClock

POOL = 8
"""Connections that one process keeps; a transaction lasts milliseconds."""
CONNECT_TRIES = 4
"""After the embedded server was killed the first connection fails while it comes back."""
PROVEN_SECONDS = 1.0
"""A connection that was used so lately is taken as it is."""
IDLE_TIMEOUT_MS = 60_000
"""A process that stops in the middle of a transaction (SIGSTOP, a swapped-out machine) must not hold its locks."""
STATEMENT_TIMEOUT_MS = 30_000
"""No statement of ours takes longer; one that does waits for a lock of something that hangs."""


class Store:
    """The database of one process. Open it once, close it at the end."""

    def __init__(self, url: str, *, clock: Clock | None = None, revive: Callable[[], None] | None = None) -> None:
        """`url` is `postgresql://...`; `revive` starts a server that died (the embedded one)."""
        self.url = url
        self.clock = clock or SystemClock()
        self._revive = revive
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=POOL,
            max_overflow=POOL,
            pool_use_lifo=True,
            connect_args={
                "connect_timeout": 10,
                "application_name": "midwatch",
                "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}"
                f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS}",
            },
        )
        _ask_the_long_idle(self.engine)

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, *, lease: Lease | None = None) -> AsyncIterator[Tx]:
        """A transaction, committed at the end of the block, rolled back when the block raises.

        With a lease, the incident's row is locked first and FenceLost is raised when another process owns it by now.
        """
        async with Tx(self.engine, clock=self.clock) as tx:
            await self._connect(tx)
            if lease is not None:
                await _assert_owned(tx, lease)
            yield tx
            await append_pending(tx)
            await tx.commit()

    async def _connect(self, tx: Tx) -> None:
        for attempt in range(1, CONNECT_TRIES + 1):
            try:
                await tx.connection()
            except OperationalError:
                await tx.rollback()
                if attempt == CONNECT_TRIES:
                    raise
                if self._revive is not None:
                    await asyncio.to_thread(self._revive)
                await asyncio.sleep(0.1 * attempt)
            else:
                return


def _ask_the_long_idle(engine: AsyncEngine) -> None:
    """Have connections that were not used for a while asked whether they live; all are opened anew when one does not.

    An investigation has a hundred short transactions: asking before each is a fifth of what it says to the database.
    """

    def used(_: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    def ask(connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        now = time.monotonic()
        if now - record.info.get("used", now) > PROVEN_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError(str(error)) from error

    event.listen(engine.sync_engine.pool, "checkin", used)
    event.listen(engine.sync_engine.pool, "checkout", ask)


_OWNED = text("SELECT 1 FROM incident WHERE id = :id AND fence = :fence AND lease_owner = :owner FOR NO KEY UPDATE")


async def _assert_owned(tx: Tx, lease: Lease) -> None:
    owned = await tx.execute(_OWNED, {"id": lease.incident, "fence": lease.fence, "owner": lease.owner})
    if owned.first() is None:
        raise FenceLost(lease.incident, fence=lease.fence)
    tx.held.add(lease.incident)


def sqlalchemy_url(url: str) -> str:
    """The same address for SQLAlchemy's psycopg driver."""
    return (
        make_url(url.replace("postgres://", "postgresql://", 1))
        .set(drivername="postgresql+psycopg")
        .render_as_string(hide_password=False)
    )


def libpq_url(url: str) -> str:
    """The same address for psycopg itself."""
    return (
        make_url(url.replace("postgres://", "postgresql://", 1))
        .set(drivername="postgresql")
        .render_as_string(hide_password=False)
    )
