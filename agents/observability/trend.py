"""Whether a series grows steadily, how fast, and when it reaches a limit. Pure.

The slope is Theil's and Sen's: the median of the slopes of all pairs of points (Sen, "Estimates of the regression
coefficient based on Kendall's tau", JASA 63, 1968), which a few odd points do not move.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tools.prometheus.curve import Curve

HOUR = 3600.0
MOST_POINTS = 80
"""Points that are compared with each other, 3,160 pairs; more say nothing new about a straight line."""
LEAST_POINTS = 10
DROP = 0.2
"""A fall by this share of the value is a restart (or a garbage collection that freed what had leaked), not a trend."""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A straight line through a curve's last stretch without a drop."""

    per_hour: float
    """Slope in units of the series per hour."""
    r2: float
    """Share of the variation that the line explains, 0..1."""
    hours: float
    """Length of the stretch."""
    first: float
    """The line at its start."""
    last: float
    """The line at its end."""

    def hours_to(self, limit: float) -> float | None:
        """Hours until the line reaches a limit; None when it moves away from it."""
        left = limit - self.last
        return left / self.per_hour if self.per_hour * left > 0 else None


def find_trend(curve: Curve) -> Trend | None:
    """The trend of the longest stretch without a drop; None when it is too short."""
    kept = [index for index, value in enumerate(curve.values) if value is not None]
    times = np.array(kept, dtype=np.float64) * curve.step / HOUR
    values = np.array([curve.values[index] for index in kept], dtype=np.float64)
    stretch = _longest_stretch(values)
    times, values = times[stretch], values[stretch]
    if len(values) < LEAST_POINTS:
        return None
    thin = slice(None, None, -(-len(values) // MOST_POINTS))
    slope = _theil_sen(times[thin], values[thin])
    intercept = float(np.median(values - slope * times))
    fitted = intercept + slope * times
    spread = float(np.sum((values - np.mean(values)) ** 2))
    r2 = max(0.0, 1 - float(np.sum((values - fitted) ** 2)) / spread) if spread > 0 else 0.0
    return Trend(
        per_hour=slope,
        r2=round(r2, 3),
        hours=float(times[-1] - times[0]),
        first=float(fitted[0]),
        last=float(fitted[-1]),
    )


def _longest_stretch(values: NDArray[np.float64]) -> slice:
    """The longest run between two drops; of equal ones the later."""
    falls = np.flatnonzero(values[1:] < (1 - DROP) * values[:-1]) + 1 if len(values) > 1 else np.array([], dtype=int)
    edges = [0, *(int(fall) for fall in falls), len(values)]
    start, end = max(pairwise(edges), key=lambda run: (run[1] - run[0], run[0]))
    return slice(start, end)


def _theil_sen(times: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    first, second = np.triu_indices(len(values), k=1)
    return float(np.median((values[second] - values[first]) / (times[second] - times[first])))
