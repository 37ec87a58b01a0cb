"""The world's own reading of virtual time: the formula `EPOCH@WALL*RATE` that all share, or a clock set by hand."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_FORM = re.compile(r"^(?P<epoch>[^@]+)@(?P<wall>\d+(?:\.\d+)?)\*(?P<rate>\d+(?:\.\d+)?)$")


class WorldClock(Protocol):
    """Anything that tells the virtual time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class RunningClock:
    """Virtual time that runs with the wall clock, `rate` times as fast."""

    def __init__(self, *, epoch: datetime, wall: float, rate: float) -> None:
        self._epoch, self._wall, self._rate = epoch, wall, rate

    def now(self) -> datetime:
        """Return the virtual instant."""
        return self._epoch + timedelta(seconds=self._rate * (time.time() - self._wall))

    def __str__(self) -> str:
        """Write the clock so that another process can share it."""
        return f"{self._epoch.isoformat().replace('+00:00', 'Z')}@{self._wall!r}*{self._rate!r}"


class HandClock:
    """Virtual time that moves only when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return where it stands."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move it forward. Raises ValueError for a negative step."""
        if seconds < 0:
            raise ValueError("time does not run backwards: give a positive number of seconds")
        self._now += timedelta(seconds=seconds)


def read_clock(text: str, *, epoch: datetime) -> WorldClock:
    """Read a clock's string. Empty: real speed from the scenario's own moment on. Raises ValueError."""
    if not text:
        return RunningClock(epoch=epoch, wall=time.time(), rate=1.0)
    if text == "manual":
        return HandClock(epoch)
    found = _FORM.match(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a clock: write EPOCH@WALL*RATE, for example 2026-11-17T02:47:00Z@1795229220.0*10"
        )
    start = datetime.fromisoformat(found["epoch"]).astimezone(UTC)
    return RunningClock(epoch=start, wall=float(found["wall"]), rate=float(found["rate"]))
