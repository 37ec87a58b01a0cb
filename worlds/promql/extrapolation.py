"""`rate`, `increase` and `delta`: the difference over a window, extrapolated to its edges as Prometheus does it.

Source of the formula: promql/functions.go, extrapolatedRate, Prometheus 2.42.
"""

import numpy as np

from worlds.promql.frame import Floats
from worlds.promql.over_time import Computed
from worlds.promql.sampling import Windows

# A gap to the window's edge below this many mean sample distances is taken to be covered by the series.
_EXTRAPOLATION_THRESHOLD = 1.1


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
    first = block.values[:, oldest]
    change = block.values[:, newest] - first
    if counter:
        change = change + (block.lost[:, newest] - block.lost[:, oldest])
    sampled = (block.stamps[newest] - block.stamps[oldest]) / 1000
    distance = sampled / np.maximum(windows.counts - 1, 1)
    to_start: Floats = np.broadcast_to((block.stamps[oldest] - windows.starts) / 1000, change.shape)
    to_end = (windows.ends - block.stamps[newest]) / 1000
    if counter:
        to_zero = sampled * (first / change)
        to_start = np.where((change > 0) & (first >= 0) & (to_zero < to_start), to_zero, to_start)
    threshold = distance * _EXTRAPOLATION_THRESHOLD
    covered = sampled + np.where(to_start < threshold, to_start, distance / 2)
    covered = covered + np.where(to_end < threshold, to_end, distance / 2)
    present = np.broadcast_to(windows.counts > 1, change.shape)
    return change * (covered / sampled), present
