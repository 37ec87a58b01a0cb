"""One answer for all who ask the same at the same moment. Nothing is kept: who asks later asks anew."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from tools.errors import ToolError

T = TypeVar("T")


class Shared(Generic[T]):
    """Questions under way, by key."""

    def __init__(self) -> None:
        """None are."""
        self._under_way: dict[str, asyncio.Future[T | ToolError | None]] = {}

    async def ask(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        """The answer to the question, put once for all who ask with this key meanwhile. Raises its ToolError."""
        while (under_way := self._under_way.get(key)) is not None:
            answer = await asyncio.shield(under_way)
            if isinstance(answer, ToolError):
                raise answer
            if answer is not None:
                return answer
        return await self._put(key, question)

    async def _put(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        """Ask for all. Those who wait ask again when this one is cancelled."""
        waiting = self._under_way[key] = asyncio.get_running_loop().create_future()
        outcome: T | ToolError | None = None
        try:
            outcome = answer = await question()
        except ToolError as error:
            outcome = error
            raise
        else:
            return answer
        finally:
            del self._under_way[key]
            waiting.set_result(outcome)
