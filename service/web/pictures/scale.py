"""Turns times and values into places on a picture, and chooses the ticks that people read."""

import math
from datetime import UTC, datetime, timedelta

from incidents.value import Value

STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between ticks of a time axis."""


class TimeScale(Value):
    """Times onto pixels."""

    start: datetime
    end: datetime
    left: float
    right: float

    def x(self, at: datetime) -> float:
        """The place of a time; times outside stand at the edges."""
        span = (self.end - self.start).total_seconds() or 1.0
        share = (at - self.start).total_seconds() / span
        return self.left + (self.right - self.left) * min(1.0, max(0.0, share))

    def ticks(self, *, most: int) -> tuple[datetime, ...]:
        """Round times, at most so many."""
        span = (self.end - self.start).total_seconds()
        step = next((s for s in STEPS if span / s <= most), STEPS[-1])
        first = math.ceil(self.start.timestamp() / step) * step
        count = max(0, int((self.end.timestamp() - first) // step) + 1)
        return tuple(datetime.fromtimestamp(first, tz=UTC) + timedelta(seconds=step * index) for index in range(count))


class ValueScale(Value):
    """Values onto pixels, from zero (or `low`) upwards."""

    low: float = 0.0
    high: float
    top: float
    bottom: float

    def y(self, value: float) -> float:
        """The place of a value."""
        span = (self.high - self.low) or 1.0
        return self.bottom - (self.bottom - self.top) * min(1.0, max(0.0, (value - self.low) / span))


def nice(value: float) -> float:
    """The next round number above a value: 1, 2, 2.5, 5 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)
