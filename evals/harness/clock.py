"""Time in an episode: one hand-set clock that the product and the served world share. Whoever sleeps lets it go on."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from worlds.clock import HandClock


class StoryClock:
    """The product's clock over a world's. `advance` moves the world; nothing moves where an estate was recorded."""

    def __init__(self, hand: HandClock) -> None:
        self.hand = hand
        self.advance: Callable[[float], Awaitable[None]] | None = None

    def now(self) -> datetime:
        """Where the story stands."""
        return self.hand.now()

    async def sleep(self, seconds: float) -> None:
        """Let the world live that long."""
        if self.advance is not None:
            await self.advance(seconds)
