"""From rule to webhook in virtual time: evaluates rules, feeds Alertmanager, flushes its groups, in time order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from worlds.alertmanager.core import Alertmanager, Notification
from worlds.alertmanager.reports import Reporters
from worlds.alertmanager.sender import WebhookSender
from worlds.prometheus.evaluator import RuleEvaluator

_POLL_SECONDS = 0.1  # real time between two looks at the clock; virtual clocks may run much faster


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """Rules, others who post alerts, and Alertmanager of one estate."""

    rules: RuleEvaluator
    alertmanager: Alertmanager
    reporters: Reporters | None = None

    def step(self, now: datetime) -> list[Notification]:
        """Do everything that is due up to `now`, each thing at its own moment; return what is to be sent.

        Report every notification back to `alertmanager.delivered` or `.failed`; until then its group rests.
        """
        self.rules.look_ahead(now)
        notifications: list[Notification] = []
        while (moment := self._next()) is not None and moment <= now:
            self.alertmanager.receive(self.rules.step(moment), now=moment)
            if self.reporters is not None:
                self.alertmanager.receive(self.reporters.step(moment), now=moment)
            notifications += self.alertmanager.step(moment)
        return notifications

    async def deliver(self, notifications: Sequence[Notification], sender: WebhookSender) -> None:
        """Send notifications side by side and report back."""
        async with asyncio.TaskGroup() as tasks:
            for notification in notifications:
                tasks.create_task(self._deliver(notification, sender))

    async def run(self, sender: WebhookSender, now: Callable[[], datetime]) -> None:
        """Keep going until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for notification in self.step(now()):
                    tasks.create_task(self._deliver(notification, sender))
                await asyncio.sleep(_POLL_SECONDS)

    async def _deliver(self, notification: Notification, sender: WebhookSender) -> None:
        if await sender.send(notification):
            self.alertmanager.delivered(notification)
        else:
            self.alertmanager.failed(notification)

    def _next(self) -> datetime | None:
        moments = [self.rules.next_due(), self.alertmanager.next_flush()]
        if self.reporters is not None:
            moments.append(self.reporters.next_due())
        return min((one for one in moments if one is not None), default=None)
