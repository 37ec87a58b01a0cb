"""Puts the executor together: the only place where write credentials become clients."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from incidents.ids import ProposalDigest
from incidents.policy import Policy
from orchestrator.executor.context import ExecutorContext, Hands
from orchestrator.executor.rehearsing import rehearse
from orchestrator.executor.running import run
from orchestrator.jobs import Handler, Job, Task
from orchestrator.policy.force import PolicyInForce
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from tools.clock import Clock
from tools.connect import connect_write
from tools.estate import Connections


@asynccontextmanager
async def open_executor(
    settings: Settings, store: Store, *, policies: PolicyInForce | None = None
) -> AsyncIterator[ExecutorContext]:
    """What the executor works with."""
    policies = policies or PolicyInForce(settings.policy)
    async with AsyncExitStack() as stack:
        clusters = {
            connections.name: await stack.enter_async_context(connect_write(connections, clock=settings.time))
            for connections in settings.clusters
        }
        yield ExecutorContext(
            store=store,
            clock=settings.time,
            clusters=clusters,
            policy=policies.current,
            policies=policies,
            merge_seconds=settings.periods.merge_seconds,
        )


@asynccontextmanager
async def open_hands(connections: Connections, *, clock: Clock, policy: Policy) -> AsyncIterator[Hands]:
    """What changes one cluster, without a database: for an episode on a served world."""
    async with connect_write(connections, clock=clock) as cluster:
        yield Hands(clock=clock, clusters={connections.name: cluster}, policy=policy)


def executor_handlers(context: ExecutorContext) -> Mapping[Task, Handler]:
    """What the executor does for each job."""

    async def preview(job: Job) -> None:
        await rehearse(context.pinned, job.incident)

    async def execute(job: Job) -> None:
        await run(context.pinned, ProposalDigest(job.item))

    return {Task.REHEARSE: preview, Task.EXECUTE: execute, Task.FOLLOW: execute}
