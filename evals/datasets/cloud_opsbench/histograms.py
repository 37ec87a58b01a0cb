"""Buckets of a histogram from recorded quantiles: between two quantiles requests are spread evenly.

Nothing is known beyond the highest quantile: the rest is put at its value, so that higher quantiles err downwards.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FIRST, _LAST, _PER_DOUBLING = 0.0001, 160.0, 4
"""Bounds in seconds from a tenth of a millisecond on, four to a doubling: a quantile is read to a fifth of itself."""
BOUNDS: Sequence[float] = tuple(
    float(f"{_FIRST * 2 ** (step / _PER_DOUBLING):.4g}")
    for step in range(math.ceil(_PER_DOUBLING * math.log2(_LAST / _FIRST)) + 1)
)


def buckets_of(quantiles: Sequence[tuple[float, Floats]]) -> Iterator[tuple[float, Floats]]:
    """Share of requests within each bound at every moment. `quantiles` are (share, seconds), lowest share first."""
    shares = np.array([0.0, *(share for share, _ in quantiles), 1.0])
    highest = quantiles[-1][1]
    points = np.stack([np.zeros_like(highest), *(values for _, values in quantiles), highest * (1 + 1e-9)])
    points = np.maximum.accumulate(np.nan_to_num(points), axis=0)
    for bound in BOUNDS:
        yield bound, _below(bound, points, shares)
    yield math.inf, np.ones_like(highest)


def _below(bound: float, points: Floats, shares: Floats) -> Floats:
    """The share at or below a bound, by linear interpolation between the points of each moment."""
    result = np.zeros(points.shape[1])
    for place in range(len(shares) - 1):
        low, high = points[place], points[place + 1]
        width = np.maximum(high - low, 1e-12)
        part = np.clip((bound - low) / width, 0.0, 1.0)
        result = np.where(bound >= low, shares[place] + part * (shares[place + 1] - shares[place]), result)
    return result
