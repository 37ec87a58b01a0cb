"""When a series moved to another level, and by how much. Pure; robust against outliers, noise, slow drift and gaps.

The split is the one that leaves the least absolute deviation from the medians of both sides: the L1 form of the
change-point in mean (Bai, "Least absolute deviation estimation of a shift", Econometric Theory 11, 1995). Whether it
means anything is judged by the robust z-score of Iglewicz and Hoaglin ("How to Detect and Handle Outliers", 1993):
the distance of the medians in standard deviations, estimated from the median absolute deviation (MAD) before the split.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tools.prometheus.curve import Curve

MAD_TO_SIGMA = 1.4826
"""MAD times this estimates the standard deviation of a normal distribution: 1 / quantile(0.75)."""
SIGNIFICANT = 3.5
"""Robust z-score from which Iglewicz and Hoaglin call a value an outlier."""
LEAST_POINTS = 4
"""Points on each side of a split: the median of fewer follows single values."""
ENOUGH_POINTS = 15
"""Points from which their MAD is a fair estimate of noise: by chance, that of four is often far too small."""
SUDDEN = 0.4
"""Share of a shift that happens around its split: the first of two equal steps does, and a drift moves less there."""
NEAR, FAR = 2, 8
"""Points around the split that are looked at for suddenness: the nearest are skipped, since rates climb over them."""
SMOOTHED = 5
"""Points of the moving average by which bursts become a level."""

Series = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A series went from one level to another."""

    at: datetime
    """The first sample that is away from the level before: the resolution is that of the samples."""
    until: datetime | None
    """Since when it is back at the level before; None while it is not."""
    before: float
    """Median before, in the unit of the series."""
    after: float
    """Median since, until it went back."""
    score: float
    """Distance of the levels in robust standard deviations of the level before."""

    @property
    def up(self) -> bool:
        """Whether it went up."""
        return self.after > self.before

    @property
    def ratio(self) -> float | None:
        """After by before; None when there was nothing before."""
        return self.after / self.before if self.before else None


class Floor(Protocol):
    """The least noise that a series is taken to have, from its level before."""

    def __call__(self, before: float) -> float:
        """Standard deviation in the unit of the series."""
        ...


def share(fraction: float, *, at_least: float) -> Floor:
    """A floor of that share of the level before, and at least that much."""
    return lambda before: max(at_least, fraction * abs(before))


def find_shift(curve: Curve, *, floor: Floor, smooth: bool = False) -> Shift | None:
    """The one shift that explains a curve best; None when none is significant and sudden.

    `floor` keeps a series that never moves from making a shift of every ripple. `smooth` averages bursts first.
    """
    kept = [index for index, value in enumerate(curve.values) if value is not None]
    values = np.array([curve.values[index] for index in kept], dtype=np.float64)
    if smooth and len(values) >= SMOOTHED:
        values = _smoothed(values)
    if len(values) < 2 * LEAST_POINTS or values.min() == values.max():  # most series of an estate never move
        return None
    found = _lasting(values, floor=floor) or _passing(values, floor=floor)
    if found is None:
        return None
    return Shift(
        at=curve.time(kept[found.start]),
        until=curve.time(kept[found.end]) if found.end < len(values) else None,
        before=found.before,
        after=found.after,
        score=round(found.score, 2),
    )


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Values from `start` to before `end` are on another level than those before."""

    start: int
    end: int
    before: float
    after: float
    score: float


def _lasting(values: Series, *, floor: Floor) -> _Stretch | None:
    """A level that was left, most often until now: by the best split into two."""
    split = _best_split(values)
    before = float(np.median(values[:split]))
    sigma = max(_noise(values, split), floor(before))
    start, end = _extent(values, split, before=before, sigma=sigma)
    return None if start is None else _judged(values, start, end, split=split, before=before, sigma=sigma)


def _passing(values: Series, *, floor: Floor) -> _Stretch | None:
    """A level that was left and found again, for less than half of the time: the longest run away from the median."""
    before = float(np.median(values))
    sigma = max(deviation(values), floor(before))
    away = np.abs(values - before) > SIGNIFICANT * sigma
    edges = np.flatnonzero(np.diff(np.concatenate([[0], away.astype(np.int8), [0]])))
    runs = [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    if not runs:
        return None
    start, end = max(runs, key=lambda run: (run[1] - run[0], run[0]))
    return _judged(values, start, end, split=start, before=before, sigma=sigma)


def _judged(values: Series, start: int, end: int, *, split: int, before: float, sigma: float) -> _Stretch | None:
    """The stretch, when it is long enough, far enough away and begins suddenly."""
    if end - start < LEAST_POINTS:
        return None
    after = float(np.median(values[start:end]))
    score = abs(after - before) / sigma
    if score < SIGNIFICANT or not _sudden(values, split, size=after - before):
        return None
    return _Stretch(start=start, end=end, before=before, after=after, score=score)


def deviation(values: Series) -> float:
    """Robust standard deviation around the median."""
    return MAD_TO_SIGMA * float(np.median(np.abs(values - np.median(values))))


def robust_score(values: Sequence[float], value: float, *, floor: Floor) -> float:
    """How many robust standard deviations a value lies from the median of others, with its sign."""
    known = np.asarray(values, dtype=np.float64)
    centre = float(np.median(known))
    return (value - centre) / max(deviation(known), floor(centre))


def _noise(values: Series, split: int) -> float:
    """Noise before the split; with few points there, of what is left on both sides when their levels are taken out."""
    if split >= ENOUGH_POINTS:
        return deviation(values[:split])
    left, right = values[:split], values[split:]
    return deviation(np.concatenate([left - np.median(left), right - np.median(right)]))


def _best_split(values: Series) -> int:
    """Index of the first value of the right side."""
    left, right = _costs(values), _costs(values[::-1])[::-1]
    candidates = range(LEAST_POINTS, len(values) - LEAST_POINTS + 1)
    return min(candidates, key=lambda k: left[k - 1] + right[k])


def _costs(values: Series) -> list[float]:
    """Sum of absolute deviations from the median for every prefix, by two heaps around the median."""
    low: list[float] = []
    high: list[float] = []
    below = above = 0  # how many are in each: as many, or one more below
    low_sum = high_sum = 0.0
    costs = []
    for value in values.tolist():
        if below and value > -low[0]:
            high_sum += value
            if above < below:
                heapq.heappush(high, value)
                above += 1
            else:
                moved = heapq.heappushpop(high, value)
                heapq.heappush(low, -moved)
                below += 1
                low_sum, high_sum = low_sum + moved, high_sum - moved
        else:
            low_sum += value
            if below == above:
                heapq.heappush(low, -value)
                below += 1
            else:
                moved = -heapq.heappushpop(low, -value)
                heapq.heappush(high, moved)
                above += 1
                low_sum, high_sum = low_sum - moved, high_sum + moved
        median = -low[0]
        costs.append(median * below - low_sum + high_sum - median * above)
    return costs


def _extent(values: Series, split: int, *, before: float, sigma: float) -> tuple[int | None, int]:
    """First index away from the level before, and the index from which it stays back there (or the length)."""
    sign = 1.0 if np.median(values[split:]) >= before else -1.0
    away = sign * (values - before) > SIGNIFICANT * sigma
    later = np.flatnonzero(away[split:])
    if len(later) == 0:
        return None, len(values)
    start = split + int(later[0])
    while start > 0 and away[start - 1]:
        start -= 1
    last = int(np.flatnonzero(away)[-1]) + 1
    back = last if len(values) - last >= LEAST_POINTS and last > start else len(values)
    return start, back


def _sudden(values: Series, split: int, *, size: float) -> bool:
    """Whether most of the shift happens at the split rather than all along."""
    earlier = values[max(0, split - FAR) : max(1, split - NEAR)]
    later = values[min(split + NEAR, len(values) - 1) : split + FAR]
    return bool(abs(float(np.median(later)) - float(np.median(earlier))) >= SUDDEN * abs(size))


def _smoothed(values: Series) -> Series:
    """Moving average over SMOOTHED values that ends at each value, so that nothing is seen before it happens."""
    padded = np.concatenate([np.full(SMOOTHED - 1, values[0]), values])
    averaged: Series = np.convolve(padded, np.full(SMOOTHED, 1 / SMOOTHED), mode="valid")
    return averaged
