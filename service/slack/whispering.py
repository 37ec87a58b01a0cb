"""Tells somebody who clicked something, alone. That Slack does not take it changes nothing of what was recorded."""

import logging
from collections.abc import Mapping
from typing import Any

from service.slack.context import SlackContext
from service.slack.modals import Origin
from service.slack.mrkdwn import safe
from tools.errors import ToolError

logger = logging.getLogger(__name__)


async def whisper(context: SlackContext, body: Mapping[str, Any], text: str, origin: Origin | None = None) -> None:
    """Answer below the card that was clicked, or that the modal was opened from."""
    channel = origin.channel if origin else body.get("channel", {}).get("id", "")
    thread = origin.thread if origin else (body.get("message") or {}).get("thread_ts")
    if not channel:
        return
    try:
        await context.client.whisper(channel, user=str(body["user"]["id"]), text=safe(text, most=1500), thread=thread)
    except ToolError as error:
        logger.warning("Could not tell a clicker: %s", error, extra={"action": "slack_whisper_failed"})
