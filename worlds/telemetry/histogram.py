"""Log-normal latencies as Prometheus histograms."""

import math
from collections.abc import Sequence

import numpy as np

from worlds.telemetry.grid import Floats

# OpenTelemetry's default boundaries for durations in seconds, and Istio's for milliseconds.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, math.inf)
_MILLISECONDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, math.inf)


def buckets_of(*, milliseconds: bool) -> tuple[float, ...]:
    """Return the upper bounds."""
    return _MILLISECONDS if milliseconds else _SECONDS


def cumulative_shares(bounds: Sequence[float], *, median: Floats, spread: float) -> Floats:
    """Return the share of requests that take at most each bound, a column for each.

    The log-normal distribution, by its logistic approximation: the standard normal's is 1 / (1 + exp(-1.702 x)) within
    .01 (Bowling and others, 2009).
    """
    depth = (np.log(np.array(bounds)) - np.log(np.maximum(median, 1e-6))[:, np.newaxis]) / spread
    shares: Floats = 1 / (1 + np.exp(-np.clip(1.702 * depth, -60, 60)))
    return shares


def mean_of(median: Floats, *, spread: float) -> Floats:
    """Return the mean of a log-normal distribution with this median."""
    return median * math.exp(spread * spread / 2)
