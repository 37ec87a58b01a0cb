"""One time series as detectors and pages use it: values on a regular grid, gaps as None."""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from pydantic import Field

from incidents.evidence import Window
from incidents.value import Value

MOST_POINTS = 240
"""Points of one series: a chart of that many stays sharp, and twenty such series fit into one evidence body."""
STEPS = (5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0)
"""Steps in seconds that people read off an axis."""
DIGITS = 6
"""Significant digits that are kept of a fraction: more than any scrape measures, a third of the size."""


class Curve(Value):
    """Values at `start`, `start + step`, ...; None where there was no sample or no number."""

    labels: dict[str, str] = {}
    start: datetime
    step: float = Field(gt=0)
    """Seconds."""
    values: tuple[float | None, ...]

    def time(self, index: int) -> datetime:
        """The instant of one value."""
        return self.start + timedelta(seconds=index * self.step)

    def points(self) -> Iterator[tuple[datetime, float]]:
        """Time and value where there is one."""
        for index, value in enumerate(self.values):
            if value is not None:
                yield self.time(index), value

    def between(self, start: datetime | None, end: datetime | None) -> list[float]:
        """The values of that half-open interval [start, end); None leaves that side open."""
        return [v for at, v in self.points() if (start is None or at >= start) and (end is None or at < end)]

    @property
    def last(self) -> float | None:
        """The latest value that there is."""
        return next((value for value in reversed(self.values) if value is not None), None)


def step_for(window: Window, *, finest: float) -> float:
    """The smallest step of STEPS that is at least `finest` seconds and gives at most MOST_POINTS values."""
    span = (window.end - window.start).total_seconds()
    enough = max(finest, span / (MOST_POINTS - 1))
    return next((step for step in STEPS if step >= enough), STEPS[-1])


def gridded(
    points: Iterable[tuple[float, float]], *, labels: Mapping[str, str], start: datetime, step: float, count: int
) -> Curve:
    """A curve of `count` values from samples (unix time, value) that lie on the grid."""
    first = start.timestamp()
    values: list[float | None] = [None] * count
    for at, value in points:
        index = round((at - first) / step)
        if 0 <= index < count and math.isfinite(value):
            values[index] = rounded(value)
    return Curve(labels=dict(labels), start=start, step=step, values=tuple(values))


def rounded(value: float) -> float:
    """The value with DIGITS significant digits; whole numbers (bytes, counts) as they are."""
    return value if value.is_integer() else float(f"{value:.{DIGITS}g}")
