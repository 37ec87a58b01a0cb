"""Functions that sum up a window of samples: `*_over_time`, `changes`, `resets`, the instant rates.

Each takes `Windows` of n series and T steps and returns values and presence, both n x T.
"""

from typing import TypeAlias

import numpy as np

from worlds.promql.frame import Floats, Mask
from worlds.promql.quantile import quantile_of_prefix
from worlds.promql.sampling import Windows

Computed: TypeAlias = tuple[Floats, Mask]


def avg_over_time(windows: Windows) -> Computed:
    """Return the mean."""
    return _filled(windows, 0.0).sum(axis=2) / windows.counts, _at_least(windows, 1)


def sum_over_time(windows: Windows) -> Computed:
    """Return the sum."""
    return _filled(windows, 0.0).sum(axis=2), _at_least(windows, 1)


def min_over_time(windows: Windows) -> Computed:
    """Return the smallest value; NaN only when there is nothing else."""
    return np.fmin.reduce(_filled(windows, np.nan), axis=2), _at_least(windows, 1)


def max_over_time(windows: Windows) -> Computed:
    """Return the largest value; NaN only when there is nothing else."""
    return np.fmax.reduce(_filled(windows, np.nan), axis=2), _at_least(windows, 1)


def count_over_time(windows: Windows) -> Computed:
    """Return the number of samples."""
    present = _at_least(windows, 1)
    return np.broadcast_to(windows.counts.astype(np.float64), present.shape), present


def present_over_time(windows: Windows) -> Computed:
    """Return 1 where there is any sample."""
    present = _at_least(windows, 1)
    return np.ones(present.shape), present


def last_over_time(windows: Windows) -> Computed:
    """Return the newest sample."""
    return _from_end(windows, 1), _at_least(windows, 1)


def first_over_time(windows: Windows) -> Computed:
    """Return the oldest sample."""
    return windows.block.values[:, windows.first], _at_least(windows, 1)


def stdvar_over_time(windows: Windows) -> Computed:
    """Return the population variance."""
    mean, present = avg_over_time(windows)
    deviations = np.where(windows.valid, windows.values - mean[:, :, np.newaxis], 0.0)
    return (deviations**2).sum(axis=2) / windows.counts, present


def stddev_over_time(windows: Windows) -> Computed:
    """Return the population standard deviation."""
    variance, present = stdvar_over_time(windows)
    return np.sqrt(variance), present


def quantile_over_time(windows: Windows, q: Floats) -> Computed:
    """Return the q-quantile with linear interpolation; `q` has one value per step."""
    return quantile_of_prefix(windows.values, windows.valid, q), _at_least(windows, 1)


def mad_over_time(windows: Windows) -> Computed:
    """Return the median absolute deviation."""
    half = np.full(windows.counts.shape, 0.5)
    median = quantile_of_prefix(windows.values, windows.valid, half)
    distances = np.abs(windows.values - median[:, :, np.newaxis])
    return quantile_of_prefix(distances, windows.valid, half), _at_least(windows, 1)


def changes(windows: Windows) -> Computed:
    """Count how often the value changed; NaN to NaN is no change."""
    before, after = windows.values[:, :, :-1], windows.values[:, :, 1:]
    differs = (before != after) & ~(np.isnan(before) & np.isnan(after)) & windows.valid[:, 1:]
    return differs.sum(axis=2).astype(np.float64), _at_least(windows, 1)


def resets(windows: Windows) -> Computed:
    """Count how often a counter went down."""
    lower = (windows.values[:, :, 1:] < windows.values[:, :, :-1]) & windows.valid[:, 1:]
    return lower.sum(axis=2).astype(np.float64), _at_least(windows, 1)


def idelta(windows: Windows) -> Computed:
    """Return the difference of the last two samples."""
    return _from_end(windows, 1) - _from_end(windows, 2), _at_least(windows, 2)


def irate(windows: Windows) -> Computed:
    """Return the per-second rate between the last two samples; a drop is a counter reset."""
    last, previous = _from_end(windows, 1), _from_end(windows, 2)
    rise = np.where(last < previous, last, last - previous)
    between = windows.block.stamps[windows.from_end(1)] - windows.block.stamps[windows.from_end(2)]
    return rise / (between / 1000), _at_least(windows, 2)


def _at_least(windows: Windows, count: int) -> Mask:
    enough = windows.counts >= count
    return np.broadcast_to(enough, (windows.series, len(enough)))


def _filled(windows: Windows, filler: float) -> Floats:
    return np.where(windows.valid, windows.values, filler)


def _from_end(windows: Windows, distance: int) -> Floats:
    return windows.block.values[:, windows.from_end(distance)]
