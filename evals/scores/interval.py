"""How sure a figure is: 95 % confidence intervals for shares and means of few cases."""

import math
from collections.abc import Sequence

import numpy as np

from incidents.value import Value

Z = 1.959963984540054
"""Standard normal quantile of 95 %, two-sided."""
RESAMPLES = 1000
SEED = 20261117
"""Fixed: the same results have the same interval."""


class Interval(Value):
    """A figure with its bounds and the number of cases behind it."""

    value: float
    low: float
    high: float
    cases: int


def interval(values: Sequence[float]) -> Interval:
    """Of a mean: Wilson's for shares (only 0 and 1), a percentile bootstrap for anything else. Zeros without a case."""
    if not values:
        return Interval(value=0.0, low=0.0, high=0.0, cases=0)
    if all(value in (0.0, 1.0) for value in values):
        return wilson(int(sum(values)), len(values))
    return bootstrap(values)


def wilson(hits: int, cases: int) -> Interval:
    """Wilson's score interval (1927) of a share: honest for few cases and for shares near 0 or 1."""
    share, square = hits / cases, Z * Z
    middle = (share + square / (2 * cases)) / (1 + square / cases)
    half = Z / (1 + square / cases) * math.sqrt(share * (1 - share) / cases + square / (4 * cases * cases))
    return Interval(value=share, low=max(0.0, middle - half), high=min(1.0, middle + half), cases=cases)


def bootstrap(values: Sequence[float]) -> Interval:
    """The percentile bootstrap of a mean (Efron 1979), with a fixed seed."""
    numbers = np.asarray(values, dtype=float)
    picks = np.random.default_rng(SEED).integers(0, len(numbers), size=(RESAMPLES, len(numbers)))
    low, high = np.percentile(numbers[picks].mean(axis=1), [2.5, 97.5])
    return Interval(value=float(numbers.mean()), low=float(low), high=float(high), cases=len(numbers))
