"""Delivers notifications over HTTP: the thin shell around `Alertmanager.step`, with Alertmanager's retries."""

import asyncio
import random
from dataclasses import dataclass

import httpx
import structlog

from worlds.alertmanager.config import WebhookConfig
from worlds.alertmanager.core import Notification

_log = structlog.get_logger(__name__)

_ATTEMPT_TIMEOUT_SECONDS = 10.0
# Alertmanager's back-off (cenkalti/backoff defaults): 0.5 s, growing by half each time, spread by half either way.
_FIRST_PAUSE_SECONDS = 0.5
_PAUSE_GROWTH = 1.5
_PAUSE_SPREAD = 0.5
_SUCCESS, _SERVER_ERROR = 2, 5  # hundreds of the status code


@dataclass(frozen=True, kw_only=True)
class WebhookSender:
    """Posts notifications. `give_up_seconds` bounds all attempts at one notification, in real time."""

    client: httpx.AsyncClient
    give_up_seconds: float = 10.0

    async def send(self, notification: Notification) -> bool:
        """Post one notification; say whether it arrived. 5xx and lost connections are retried, 4xx is final."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.give_up_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            outcome = await self._attempt(notification)
            if outcome is not None:
                return outcome
            wait = pause * random.uniform(1 - _PAUSE_SPREAD, 1 + _PAUSE_SPREAD)  # noqa: S311 -- jitter, no secret
            if loop.time() + wait > deadline:
                _log.warning("Gave up on a notification", action="webhook_gave_up", group_key=notification.group_key)
                return False
            await asyncio.sleep(wait)
            pause *= _PAUSE_GROWTH

    async def _attempt(self, notification: Notification) -> bool | None:
        """Return True (arrived), False (refused for good) or None (try again)."""
        try:
            response = await self.client.post(
                notification.webhook.url,
                json=notification.body,
                headers={"User-Agent": "Alertmanager/0.25.0", **_authorization(notification.webhook)},
                auth=_basic_auth(notification.webhook),
                timeout=_ATTEMPT_TIMEOUT_SECONDS,
            )
        except httpx.TransportError:
            return None
        if response.status_code // 100 == _SERVER_ERROR:
            return None
        return response.status_code // 100 == _SUCCESS


def _authorization(webhook: WebhookConfig) -> dict[str, str]:
    authorization = webhook.http_config.authorization
    return (
        {"Authorization": f"{authorization.type} {authorization.credentials.get_secret_value()}"}
        if authorization
        else {}
    )


def _basic_auth(webhook: WebhookConfig) -> httpx.Auth:
    basic = webhook.http_config.basic_auth
    return httpx.BasicAuth(basic.username, basic.password.get_secret_value()) if basic else httpx.Auth()
