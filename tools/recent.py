"""Answers that were given a moment ago, given again to those who look around at the same time.

The specialists of a round ask within seconds for the same pods, deployments and metrics. Reads only, and only for those
who look around: whoever changes something, or says whether that helped, asks the system itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from tools.clock import Clock
from tools.shared import Shared

T = TypeVar("T")

KEPT = timedelta(seconds=10)
"""How old an answer may be, by the clock of the product: no older than metrics are, and about what a round takes."""
FORGOTTEN_SECONDS = 30.0
"""Real seconds after which an answer is given up whatever the clock says: memory that nobody asks for."""


class Kept(Generic[T]):
    """Answers by question, each for a moment. Who asks while a question is under way waits for its answer."""

    def __init__(self, clock: Clock, *, fits: Callable[[T], bool]) -> None:
        """`fits` says which answers are small enough to be kept."""
        self._clock, self._fits = clock, fits
        self._shared: Shared[T] = Shared()
        self._answers: dict[str, tuple[datetime, T]] = {}

    async def ask(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, asked for where none is kept. Raises the question's ToolError, which is never kept."""
        known = self._answers.get(key)
        if known is not None and abs(self._clock.now() - known[0]) <= KEPT:
            return known[1]
        return await self._shared.ask(key, lambda: self._put(key, question))

    async def _put(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        asked = self._clock.now()
        answer = await question()
        if self._fits(answer):
            self._answers[key] = entry = (asked, answer)
            asyncio.get_running_loop().call_later(FORGOTTEN_SECONDS, self._forget, key, entry)
        return answer

    def _forget(self, key: str, entry: tuple[datetime, T]) -> None:
        if self._answers.get(key) is entry:
            del self._answers[key]
