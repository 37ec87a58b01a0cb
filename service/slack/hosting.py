"""Slack in a process with the web role: the app behind Socket Mode or signed requests, the composer and the deliverer.

Nothing here can take the process down: Slack that is away, or wrongly set up, is logged and tried again.
"""

import asyncio
import logging

from fastapi import FastAPI, Request, Response
from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from orchestrator.slack_settings import Mode
from service.slack.app import create_slack_app
from service.slack.composing import Composer
from service.slack.context import SlackContext
from service.slack.delivering import Deliverer

logger = logging.getLogger(__name__)

PATH = "/slack/events"
"""Where Slack sends events, interactions and commands in HTTP mode."""
RECONNECT_SECONDS = 5.0


class SlackHost:
    """Slack's side of one process."""

    def __init__(self, context: SlackContext) -> None:
        """Nothing is connected until `run`."""
        self._context = context
        self.app = create_slack_app(context)
        self.deliverer = Deliverer(context)
        self.composer = Composer(context, changed=self.deliverer.wake)

    def mount(self, web: FastAPI) -> None:
        """In HTTP mode, take requests at PATH. Bolt checks signatures, and that they are five minutes old at most."""
        if self._context.slack.mode is not Mode.HTTP:
            return
        handler = AsyncSlackRequestHandler(self.app)

        async def events(request: Request) -> Response:
            return await handler.handle(request)

        web.add_api_route(PATH, events, methods=["POST"], include_in_schema=False)

    async def run(self) -> None:
        """Connect, compose and deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.composer.run())
            group.create_task(self.deliverer.run())
            if self._context.slack.mode is Mode.SOCKET:
                group.create_task(self._listen())

    async def _listen(self) -> None:
        """Keep a socket open. The SDK reconnects what was open once; here it is opened for the first time."""
        token = self._context.slack.app_token
        assert token is not None
        handler = AsyncSocketModeHandler(self.app, token.get_secret_value(), logger=self.app.logger)
        try:
            await handler.connect_async()  # type: ignore[no-untyped-call] # Bolt has no types here
            await asyncio.Event().wait()
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call] # the same
