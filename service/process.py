"""One process of Midwatch with the roles it was given: web, worker, executor, watcher."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
import uvicorn
from fastapi import FastAPI

from agents.runbooks.folders import SHIPPED, RunbookFolders
from orchestrator.ambient import go_round_forever
from orchestrator.assembly import open_advancer, open_bench, open_store, worker_handlers
from orchestrator.audit.signing import sign_forever
from orchestrator.executor.assembly import executor_handlers, open_executor
from orchestrator.forgetting import forget_forever
from orchestrator.garbage import settle
from orchestrator.jobs import Handler, Jobs, Queue, Task
from orchestrator.policy.force import PolicyInForce
from orchestrator.policy.watching import watch_policy
from orchestrator.settings import Role, Settings
from orchestrator.store.database import Store
from orchestrator.sweep import sweep_forever
from service.listening import open_socket
from service.tickets.filing import Clerk
from service.web.app import create_app
from service.web.context import WebContext

if TYPE_CHECKING:
    from service.slack.hosting import SlackHost

log = structlog.get_logger(__name__)

CHANGES_AT_ONCE = 6
"""Jobs that an executor has in hand: a rollout that hangs is followed for ten minutes, and holds up no other change."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A process that is up."""

    store: Store
    web: WebContext | None
    """What serves the console and the API; None without the web role."""
    stop: Callable[[], None]
    """Ask it to end; the context's exit waits for it."""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Start everything that the roles ask for; at the end of the block, or after `stop`, it is ended in order."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings))
        policies = PolicyInForce(settings.policy)
        handlers = await _handlers(settings, store, stack, policies)
        # Opened before the group and so closed after it: the server still needs it while it ends.
        listen = settings.listen
        listener = stack.enter_context(open_socket(listen.host, listen.port)) if Role.WEB in settings.roles else None
        group = await stack.enter_async_context(asyncio.TaskGroup())
        ends: list[Callable[[], object]] = []
        web = None
        if listener is not None:
            web = await _serve(settings, store, listener, policies, group, ends)
        if handlers:
            jobs = Jobs(store.url, handlers=handlers, periods=settings.periods)
            concurrency = {Queue.GRAPH: settings.workers, Queue.EXECUTOR: CHANGES_AT_ONCE}
            ends.append(group.create_task(jobs.run(concurrency=concurrency)).cancel)
        if Role.WORKER in settings.roles:
            ends.append(group.create_task(sweep_forever(store, periods=settings.periods)).cancel)
            ends.append(group.create_task(forget_forever(store, keep=settings.keep)).cancel)
        decides = bool({Role.WORKER, Role.EXECUTOR} & set(settings.roles))
        ends.append(group.create_task(watch_policy(policies, store if decides else None)).cancel)
        if decides:
            ends.append(group.create_task(sign_forever(store, settings)).cancel)
        if Role.WATCHER in settings.roles and settings.ambient.enabled:
            watching = await stack.enter_async_context(open_bench(settings, store))
            ends.append(group.create_task(go_round_forever(watching)).cancel)
        settle()

        def stop() -> None:
            for end in ends:
                end()
            ends.clear()

        try:
            yield Running(store=store, web=web, stop=stop)
        finally:
            stop()


async def _handlers(
    settings: Settings, store: Store, stack: AsyncExitStack, policies: PolicyInForce
) -> dict[Task, Handler]:
    handlers: dict[Task, Handler] = {}
    if Role.WORKER in settings.roles:
        bench = await stack.enter_async_context(open_bench(settings, store, policies=policies))
        advancer = await stack.enter_async_context(open_advancer(bench))
        handlers |= worker_handlers(bench, advancer)
    if Role.EXECUTOR in settings.roles:
        hands = await stack.enter_async_context(open_executor(settings, store, policies=policies))
        handlers |= executor_handlers(hands)
    return handlers


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process listens to signals for all its roles."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing."""
        yield


async def _serve(
    settings: Settings,
    store: Store,
    listener: socket.socket,
    policies: PolicyInForce,
    group: asyncio.TaskGroup,
    ends: list[Callable[[], object]],
) -> WebContext:
    listen = settings.listen.model_copy(update={"port": listener.getsockname()[1]})
    folders = RunbookFolders((SHIPPED, *settings.runbooks))
    web = WebContext(
        store=store,
        settings=settings.model_copy(update={"listen": listen}),
        clock=settings.time,
        library=folders.library,
        runbook_problems=lambda: folders.problems,
        policies=policies,
    )
    app = create_app(web)
    if settings.slack.enabled:
        ends.append(group.create_task(_slack(web, app).run()).cancel)
    if settings.tickets.targets:
        clerk = Clerk(store, settings, console=web.base_url)
        ends.append(group.create_task(clerk.run()).cancel)
    # h11 refuses a request whose head does not end; the faster httptools, which worlds use, reads on.
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=2, server_header=False, http="h11"
    )
    server = _Server(config)

    def end() -> None:
        web.stopping.set()
        server.should_exit = True

    ends.append(end)
    group.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    log.info("The console is open", action="listening", url=web.base_url)
    return web


def _slack(web: WebContext, app: FastAPI) -> "SlackHost":
    """Slack's side of the process. Imported where it is used: Bolt takes half a second to import."""
    from service.slack.context import SlackContext
    from service.slack.hosting import SlackHost

    context = SlackContext(store=web.store, settings=web.settings, clock=web.clock, console=web.base_url)
    host = SlackHost(context)
    host.mount(app)
    return host


async def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    async with running(settings):
        await stopped.wait()
