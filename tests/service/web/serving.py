"""The web application behind uvicorn on a free port of this machine, in the loop of the test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from agents.runbooks.folders import SHIPPED, RunbookFolders
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from service.web.app import create_app
from service.web.context import WebContext
from tools.clock import Clock

WEBHOOK = "a-token-of-alertmanager"
TOKENS = {"dana": "token-of-dana-oncall", "ada": "token-of-ada-viewer", "sam": "token-of-sam-owner"}
ROLES = {"dana": ("viewer", "oncall"), "ada": ("viewer",), "sam": ("viewer", "owner")}
NAMES = {"dana": "On-call primary", "ada": "Viewer of shop", "sam": "Owner of checkout"}


def web_settings(**changes: object) -> Settings:
    people = [
        {"name": NAMES[key], "token": token, "roles": ROLES[key], "email": f"{key}@example.com"}
        for key, token in TOKENS.items()
    ]
    webhook = {"tokens": [WEBHOOK], "users": [{"username": "alertmanager", "password": "its-password"}]}
    given: dict[str, object] = {"clusters": [{"name": "prod-eu"}], "people": people, "webhook": webhook}
    return Settings.model_validate(given | changes)


def web_context(store: Store, settings: Settings, clock: Clock) -> WebContext:
    folders = RunbookFolders((SHIPPED, *settings.runbooks))
    return WebContext(
        store=store,
        settings=settings,
        clock=clock,
        library=folders.library,
        runbook_problems=lambda: folders.problems,
    )


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the test runner's signal handlers alone."""
        yield


@asynccontextmanager
async def served(context: WebContext, *, app: FastAPI | None = None, port: int = 0) -> AsyncIterator[str]:
    """The address at which it answers; `app` is one that was made of this context before."""
    async with listening(app or create_app(context), lifespan="on", port=port) as url:
        try:
            yield url
        finally:
            context.stopping.set()


@asynccontextmanager
async def listening(app: ASGIApp, *, lifespan: Literal["on", "off"] = "off", port: int = 0) -> AsyncIterator[str]:
    """The address at which any application answers; on a free port unless one is given."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=2, lifespan=lifespan, http="h11"
        )
        server = _Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
