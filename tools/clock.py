"""The one place that reads a clock. Everything else is given a Clock, or the time itself.

A rehearsal, a demo or an eval runs in virtual time. Processes that share one virtual time are given the same string
`EPOCH@WALL*RATE` (for example `2026-11-17T02:47:00Z@1795229220.0*10`): now = EPOCH + RATE x (wall clock - WALL).
"""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_FORM = re.compile(r"(?P<epoch>[^@]+)@(?P<wall>\d+(\.\d+)?)\*(?P<rate>\d+(\.\d+)?)")


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock's time."""
        ...


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """Virtual time that runs `rate` times as fast as the wall clock."""

    def __init__(self, *, epoch: datetime, wall: float, rate: float) -> None:
        """`wall` is the unix time at which this clock showed `epoch`.

        Raises ValueError for a rate that is not positive.
        """
        if rate <= 0:
            message = f"a clock's rate must be positive, not {rate}"
            raise ValueError(message)
        self.epoch, self.wall, self.rate = epoch.astimezone(UTC), wall, rate

    def now(self) -> datetime:
        """The virtual instant in UTC."""
        return self.epoch + timedelta(seconds=self.rate * (time.time() - self.wall))

    async def sleep(self, seconds: float) -> None:
        """Wait that many virtual seconds."""
        await asyncio.sleep(seconds / self.rate)

    def __str__(self) -> str:
        """The string from which another process builds the same clock."""
        return f"{self.epoch.isoformat().replace('+00:00', 'Z')}@{self.wall!r}*{self.rate!r}"


class ManualClock:
    """Virtual time that moves only when it is told to; sleepers wake when it passes them."""

    def __init__(self, start: datetime) -> None:
        """Stand at `start`."""
        self._now = start.astimezone(UTC)
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        """Where it stands."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced by that much."""
        due = self._now + timedelta(seconds=seconds)
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= due)

    async def advance(self, seconds: float) -> None:
        """Move forward and wake those whose time has come."""
        async with self._moved:
            self._now += timedelta(seconds=seconds)
            self._moved.notify_all()


def clock_of(text: str) -> Clock:
    """The clock of a setting: empty is real time. Raises ValueError that says the form."""
    if not text:
        return SystemClock()
    match = _FORM.fullmatch(text)
    if match is None:
        message = f"{text!r} is no clock: write EPOCH@WALL*RATE, for example 2026-11-17T02:47:00Z@1795229220*10"
        raise ValueError(message)
    epoch = datetime.fromisoformat(match["epoch"])
    return ScaledClock(epoch=epoch, wall=float(match["wall"]), rate=float(match["rate"]))
