"""`rate`, `increase` and `delta`: the difference over a window, extrapolated to its edges as Prometheus does it.

Source of the formula: promql/functions.go, extrapolatedRate, Prometheus 2.42.
"""

from dataclasses import dataclass

import numpy as np

from worlds.promql.frame import Floats, Stamps
from worlds.promql.over_time import Computed
from worlds.promql.sampling import Windows, taken

# A gap to the window's edge below this many mean sample distances is taken to be covered by the series.
_EXTRAPOLATION_THRESHOLD = 1.1
# Far more than rounding makes of a comparison, far less than would make work.
_ROUNDING = 1e-9


def rate(windows: Windows) -> Computed:
    """Return the per-second increase of a counter."""
    increase_, present = increase(windows)
    return increase_ / ((windows.ends - windows.starts) / 1000), present


def increase(windows: Windows) -> Computed:
    """Return the increase of a counter over the window."""
    return _extrapolated(windows, counter=True)


def delta(windows: Windows) -> Computed:
    """Return the difference of a gauge over the window."""
    return _extrapolated(windows, counter=False)


def _extrapolated(windows: Windows, *, counter: bool) -> Computed:
    block, oldest, newest = windows.block, windows.first, windows.from_end(1)
    first = taken(block.values, oldest)
    change = taken(block.values, newest) - first
    if counter and block.resets:
        change += taken(block.lost, newest) - taken(block.lost, oldest)
    sampled = (block.stamps[newest] - block.stamps[oldest]) / 1000
    edges = _Edges(
        sampled=sampled,
        distance=sampled / np.maximum(windows.counts - 1, 1),
        to_start=(block.stamps[oldest] - windows.starts) / 1000,
        to_end=(windows.ends - block.stamps[newest]) / 1000,
    )
    differences = change * edges.factor(edges.to_start)
    if counter:
        rows = edges.begun_within(first, change)
        differences[rows] = change[rows] * edges.factor(edges.since_zero(first[rows], change[rows]))
    return differences, np.broadcast_to(windows.counts > 1, change.shape)


@dataclass(frozen=True, kw_only=True)
class _Edges:
    """What lies between a window's samples and its edges, in seconds, for each of T windows."""

    sampled: Floats
    """From the oldest sample to the newest."""
    distance: Floats
    """From one sample to the next, on average."""
    to_start: Floats
    to_end: Floats

    def factor(self, to_start: Floats) -> Floats:
        """How much more the whole window holds than its samples do. `to_start` is T or n x T."""
        threshold = self.distance * _EXTRAPOLATION_THRESHOLD
        covered = self.sampled + np.where(to_start < threshold, to_start, self.distance / 2)
        covered = covered + np.where(self.to_end < threshold, self.to_end, self.distance / 2)
        factor: Floats = covered / self.sampled
        return factor

    def begun_within(self, first: Floats, change: Floats) -> Stamps:
        """The rows in which a counter may have been zero between a window's start and its first sample."""
        reach = self.to_start / self.sampled * (1 + _ROUNDING)
        rows: Stamps = np.flatnonzero((first < change * reach).any(axis=1))
        return rows

    def since_zero(self, first: Floats, change: Floats) -> Floats:
        """Seconds that count before the first sample: none of those before a counter was zero."""
        to_zero = self.sampled * (first / change)
        return np.where((change > 0) & (first >= 0) & (to_zero < self.to_start), to_zero, self.to_start)
