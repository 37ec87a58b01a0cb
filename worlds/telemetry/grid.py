"""The times at which everything is scraped, and the series that hold between two changes."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from worlds.estate.flow import TICK
from worlds.promql.storage import STALE_NAN, Series

Floats = NDArray[np.float64]
Ticks = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """The scrapes between two times. Series over all of them share `times`, which makes evaluation fast."""

    ticks: Ticks
    times: Floats
    _levels: dict[float, Floats] = field(default_factory=dict)

    @classmethod
    def over(cls, ticks: range) -> "Window":
        """Return the scrapes at these ticks, which follow each other."""
        at = np.arange(ticks.start, ticks.stop, dtype=np.int64)
        return cls(ticks=at, times=(at * TICK).astype(np.float64))

    def full(self, labels: Mapping[str, str], values: Floats) -> Series:
        """Return a series with one value per scrape."""
        return Series(labels=labels, timestamps=self.times, values=values)

    def constant(self, labels: Mapping[str, str], value: float) -> Series:
        """Return a series that does not move."""
        if value not in self._levels:
            self._levels[value] = np.full(len(self.times), value)
        return self.full(labels, self._levels[value])

    @cached_property
    def first(self) -> int:
        """The first tick; there is one."""
        return int(self.ticks[0])

    @cached_property
    def last(self) -> int:
        """The last tick; there is one."""
        return int(self.ticks[-1])

    def cut(self, ticks: Ticks) -> slice:
        """Return which of ascending ticks lie in the window."""
        count = len(ticks)
        if not len(self.ticks) or not count:
            return slice(0, 0)
        begin = int(ticks[0])
        if int(ticks[-1]) - begin == count - 1:  # none is missing, as is usual
            return slice(min(max(self.first - begin, 0), count), min(max(self.last + 1 - begin, 0), count))
        return slice(int(np.searchsorted(ticks, self.first)), int(np.searchsorted(ticks, self.last, side="right")))

    def times_of(self, ticks: Ticks) -> Floats:
        """Return the times of ticks in the window; the shared array when they are all of them."""
        return self.times if len(ticks) == len(self.ticks) else (ticks * TICK).astype(np.float64)


@dataclass(kw_only=True)
class Steps:
    """A value that holds from one change to the next; None while there is none.

    As in Prometheus a series that ends gets a staleness marker at the next scrape, so that nobody sees it linger.
    """

    labels: Mapping[str, str]
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def set(self, at: float, value: float | None) -> None:
        """Note the value from `at` on."""
        number = float("nan") if value is None else value
        if self.times and self.times[-1] == at:
            self.values[-1] = number
        else:
            self.times.append(at)
            self.values.append(number)

    def series(self, window: Window) -> Series | None:
        """Return the scraped series, or None when there was nothing to scrape."""
        if not len(window.times) or not self.times:
            return None
        if len(self.times) == 1 or bisect_right(self.times, window.times[0]) == len(self.times):
            value = self.values[-1]
            if self.times[-1] <= window.times[0]:
                return None if value != value else window.constant(self.labels, value)  # noqa: PLR0124 - NaN
        place = np.searchsorted(np.array(self.times), window.times, side="right") - 1
        values = np.where(place >= 0, np.array(self.values)[np.maximum(place, 0)], np.nan)
        gone = np.isnan(values)
        if not gone.any():
            return window.full(self.labels, values)
        ended = gone & ~np.concatenate(([True], gone[:-1]))
        values[ended] = STALE_NAN
        kept = ~gone | ended
        return Series(labels=self.labels, timestamps=window.times[kept], values=values[kept]) if kept.any() else None
