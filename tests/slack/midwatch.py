"""Starts Midwatch's side of Slack in the loop of the test, connected to the stand-in in either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from orchestrator.settings import Settings
from orchestrator.slack_settings import Mode
from orchestrator.store.database import Store
from service.slack.context import SlackContext
from service.slack.hosting import PATH, SlackHost
from service.web.app import create_app
from tests.service.web.serving import listening, web_context, web_settings
from tests.slack.standin.server import Slack
from tools.clock import Clock

CONSOLE = "https://midwatch.example.com"


def slack_settings(slack: Slack, *, mode: Mode = Mode.SOCKET, **changes: object) -> Settings:
    """Settings with the people of the console's tests and this Slack."""
    workspace = slack.workspace
    given: dict[str, object] = {
        "bot_token": workspace.token,
        "app_token": workspace.app_token,
        "signing_secret": workspace.signing_secret,
        "mode": mode,
        "api_url": slack.base_url,
    }
    return web_settings(slack=given | changes)


@asynccontextmanager
async def midwatch(
    slack: Slack, store: Store, clock: Clock, settings: Settings, *, connects: bool = True
) -> AsyncIterator[SlackHost]:
    """One replica's side of Slack. In HTTP mode the stand-in is told where to send its requests."""
    host = SlackHost(SlackContext(store=store, settings=settings, clock=clock, console=CONSOLE))
    before = len(slack.sockets)
    async with AsyncExitStack() as stack:
        if settings.slack.mode is Mode.HTTP:
            web = create_app(web_context(store, settings, clock))
            host.mount(web)
            slack.request_url = await stack.enter_async_context(listening(web, lifespan="on")) + PATH
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = group.create_task(host.run())
        if settings.slack.mode is Mode.SOCKET and connects and not slack.workspace.down:
            await slack.connected(before + 1)
        try:
            yield host
        finally:
            running.cancel()
