"""Trends over a window: `deriv`, `predict_linear` (least squares) and Holt-Winters smoothing."""

import numpy as np

from worlds.promql.errors import ExecutionError
from worlds.promql.frame import Floats
from worlds.promql.over_time import Computed
from worlds.promql.sampling import Windows


def deriv(windows: Windows) -> Computed:
    """Return the per-second slope of a gauge."""
    slope, _ = _line(windows)
    return slope, np.broadcast_to(windows.counts > 1, slope.shape)


def predict_linear(windows: Windows, ahead: Floats) -> Computed:
    """Return the value that the line through the window reaches `ahead` seconds after each step."""
    slope, at_step = _line(windows)
    flat = np.where(slope == 0, 0.0, slope * ahead)
    return flat + at_step, np.broadcast_to(windows.counts > 1, slope.shape)


def double_exponential_smoothing(windows: Windows, smoothing: Floats, trend: Floats) -> Computed:
    """Return the smoothed value (Holt-Winters); both factors lie strictly between 0 and 1."""
    for name, factor in (("smoothing", smoothing), ("trend", trend)):
        if not ((factor > 0) & (factor < 1)).all():
            raise ExecutionError(f"invalid {name} factor. Expected: 0 < {name[0]}f < 1, got: {factor[0]:f}")
    level = previous = windows.values[:, :, 0]
    slope = windows.values[:, :, 1] - level if windows.values.shape[2] > 1 else np.zeros_like(level)
    for index in range(1, windows.values.shape[2]):
        if index > 1:
            slope = np.where(windows.valid[:, index], trend * (level - previous) + (1 - trend) * slope, slope)
        previous = level
        smoothed = smoothing * windows.values[:, :, index] + (1 - smoothing) * (level + slope)
        level = np.where(windows.valid[:, index], smoothed, level)
    return level, np.broadcast_to(windows.counts > 1, level.shape)


def _line(windows: Windows) -> tuple[Floats, Floats]:
    """Return slope per second and the line's value at each step. A constant series has slope 0 exactly."""
    count = windows.counts
    seconds = np.where(windows.valid, (windows.stamps - windows.times[:, np.newaxis]) / 1000, 0.0)
    values = np.where(windows.valid, windows.values, 0.0)
    mean_x = seconds.sum(axis=1) / count
    mean_y = values.sum(axis=2) / count
    centred_x = np.where(windows.valid, seconds - mean_x[:, np.newaxis], 0.0)
    centred_y = np.where(windows.valid, windows.values - mean_y[:, :, np.newaxis], 0.0)
    slope = (centred_x * centred_y).sum(axis=2) / (centred_x**2).sum(axis=1)
    start = windows.values[:, :, 0]
    constant = ((windows.values == start[:, :, np.newaxis]) | ~windows.valid).all(axis=2)
    slope = np.where(constant, np.where(np.isinf(start), np.nan, 0.0), slope)
    at_step = np.where(constant, np.where(np.isinf(start), np.nan, start), mean_y - slope * mean_x)
    return slope, at_step
