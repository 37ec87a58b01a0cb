"""Doctor's checks in the background of a web process: one run at a time, its last report kept for whoever looks."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.settings import Settings

if TYPE_CHECKING:
    from service.doctor.report import Report

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 120.0
"""Every check has a timeout of its own; together they take seconds."""


@dataclass(kw_only=True)
class Checkup:
    """The state of it."""

    settings: Settings
    report: "Report | None" = None
    failure: str = ""
    """Why the last run gave no report; empty when it did."""
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether checks run now."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Check, unless that is being done already. Comes back at once."""
        if not self.running:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End with the process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        from service.doctor.report import examine  # it imports a client of every system: only who checks waits for that

        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                self.report, self.failure = await examine(self.settings), ""
        except Exception as error:  # the outermost loop of a run: the page says that it failed, the process goes on
            logger.exception("Doctor's checks could not be finished", extra={"action": "checkup_failed"})
            self.failure = f"The checks could not be finished: {type(error).__name__}. The log says more."
