"""Puts a process of Midwatch together from its settings: database, clients, runbooks, policy, graph."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from agents.detector import vocabulary
from agents.model.engine import engine_of
from agents.runbooks.folders import SHIPPED, RunbookFolders
from agents.specialist import specialists
from incidents.ids import ProposalDigest
from orchestrator.advance import Advancer
from orchestrator.context import Workbench
from orchestrator.decisions import expire
from orchestrator.enquiries import answer_enquiry
from orchestrator.executor.catalogue import cards
from orchestrator.graph import build
from orchestrator.jobs import Handler, Job, Task
from orchestrator.policy.force import PolicyInForce
from orchestrator.postgres import EmbeddedServer
from orchestrator.settings import Settings
from orchestrator.store.database import Store, libpq_url
from orchestrator.store.migrate import migrate
from orchestrator.verification.watch import look
from tools.connect import connect


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The database, migrated: the embedded one is started or attached to."""
    server = await asyncio.to_thread(EmbeddedServer, settings.data_dir) if settings.embedded else None
    url = server.url if server else settings.database_url
    try:
        await migrate(url)
        async with Store(url, clock=settings.time, revive=server.revive if server else None) as store:
            yield store
    finally:
        if server is not None:
            await asyncio.to_thread(server.release)


@asynccontextmanager
async def open_bench(
    settings: Settings, store: Store, *, policies: PolicyInForce | None = None
) -> AsyncIterator[Workbench]:
    """What a worker works with. Connections are made with read credentials only."""
    policies = policies or PolicyInForce(settings.policy)
    async with AsyncExitStack() as stack:
        clusters = {
            connections.name: await stack.enter_async_context(connect(connections, clock=settings.time))
            for connections in settings.clusters
        }
        runbooks = RunbookFolders((SHIPPED, *settings.runbooks))
        _warm(runbooks)
        yield Workbench(
            store=store,
            clock=settings.time,
            settings=settings,
            clusters=clusters,
            runbooks=runbooks,
            cards=cards(),
            policy=policies.current,
            policies=policies,
            model=engine_of(settings.model),
        )


def _warm(runbooks: RunbookFolders) -> None:
    """Import and read what is found by walking folders, so that the first incident does not wait for it."""
    specialists()
    vocabulary()
    runbooks.library()


class _Saver(AsyncPostgresSaver):
    """The checkpointer without its lock around the pool: each call takes a connection of its own."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        super().__init__(pool, serde=JsonPlusSerializer())
        self.lock = _NoLock()  # type: ignore[assignment] # it is only ever entered and left


class _NoLock:
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


@asynccontextmanager
async def open_advancer(bench: Workbench) -> AsyncIterator[Advancer]:
    """The graph with its checkpointer."""
    kwargs: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        libpq_url(bench.store.url), min_size=1, max_size=8, open=False, kwargs=kwargs
    )
    async with pool:
        yield Advancer(graph=build(_Saver(pool)), bench=bench)


def worker_handlers(bench: Workbench, advancer: Advancer) -> Mapping[Task, Handler]:
    """What a worker does for each job."""

    async def advance(job: Job) -> None:
        await advancer.advance(job.incident)

    async def measure(job: Job) -> None:
        await look(bench, ProposalDigest(job.item))

    async def over(job: Job) -> None:
        await expire(bench.store, now=bench.clock.now(), digest=ProposalDigest(job.item))

    async def reply(job: Job) -> None:
        await answer_enquiry(bench, job.item)

    return {
        Task.ADVANCE: advance,
        Task.WAKE: advance,
        Task.MEASURE: measure,
        Task.EXPIRE: over,
        Task.ANSWER: reply,
    }
