"""How far every column of a wide table of metrics departed from its own past, and when it began for all. Pure numpy.

When: the split of the table with the largest CUSUM statistic (Page, "Continuous inspection schemes", Biometrika 41,
1954), summed over columns as in a change in mean of a panel (Horváth and Hušková, "Change-point detection in panel
data", J. Time Series Analysis 33, 2012). Columns are brought to robust z-scores and cut at CLIPPED before, so that no
single column decides when.

How far: the distance of the farthest level that was held since from the median before, by the noise before. The noise
is the largest of what the middle half of the values shows (MAD), what the outer twentieth of the levels that were held
shows (they wander), and a share of the level: a series that moved by one page of memory in an hour has not departed
when it moves by two. N-Sigma and BARO (Pham, Ha, Zhang, "BARO", FSE 2024) lack that last part, and a constant beats a
culprit there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from agents.observability.shift import MAD_TO_SIGMA

Values = NDArray[np.float64]

CLIPPED = 4.0
"""Robust z-score at which a value counts no further towards the moment."""
LEAST_SHARE = 0.05
"""Share of the level before that a series is taken to vary by at least."""
OUTER, OUTER_TO_SIGMA = 95.0, 1.96
"""Percentile of the distance from the median, and the standard deviations it lies at in a normal distribution."""
HELD = 3
"""Samples over which the median makes a level: one odd scrape is none."""
LEAST_BEFORE = 8
"""Samples before the moment, without which nothing is known of what is usual."""
OUT_OF_NOTHING = 10.0
"""Score of a series that was exactly zero before: it has no scale of its own to be measured by."""
FARTHEST = 1e6
EDGE = 3
"""Rows at the end that are never the moment."""
RECORDED = 0.5
"""Share of columns with a sample from which a row counts as recorded."""


@dataclass(frozen=True, kw_only=True)
class Departures:
    """One value per column. Levels in the column's own unit; `score` in standard deviations, at least 0."""

    score: Values
    before: Values
    after: Values
    """The level farthest from before that was held since; equal to `before` where nothing can be said."""

    @property
    def signed(self) -> Values:
        """After less before."""
        return self.after - self.before


def moment_of(values: Values, *, first: int = 0, last: int | None = None) -> int:
    """The row at which most of the table changed, between rows `first` and `last`. `values` is rows by columns.

    Gaps (NaN) count as the usual, and that recording began is no change. Without any change the answer means nothing:
    scores tell.
    """
    begun = int(np.argmax(np.isfinite(values).mean(axis=1) >= RECORDED))
    low = max(first, begun + LEAST_BEFORE)
    high = min(last if last is not None else len(values), len(values) - EDGE)
    if high <= low:
        return min(max(low, 1), len(values) - 1)
    return low + int(np.argmax(_cusum(values[begun:])[low - begun - 1 : high - begun]))


def departures(values: Values, *, moment: int, least_noise: Values | None = None) -> Departures:
    """How far each column departed since row `moment`. `values` is rows by columns, NaN where there was no sample.

    `least_noise` (by column, in its unit) is what else is known about how much it varies, such as what counting does.
    """
    past, since = values[:moment], values[moment:]
    before, noise = _usual(past)
    if least_noise is not None:
        noise = np.maximum(noise, least_noise)
    after = _farthest(since, before)
    distance = np.abs(after - before)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(noise > 0, distance / noise, np.where(distance > 0, OUT_OF_NOTHING, 0.0))
    known = np.isfinite(past).sum(axis=0) >= LEAST_BEFORE
    score = np.where(known, np.nan_to_num(score, nan=0.0, posinf=FARTHEST), 0.0)
    return Departures(score=np.minimum(score, FARTHEST), before=before, after=np.where(known, after, before))


def held(values: Values) -> Values:
    """The running median over HELD rows: one row for each that ends a full window (all of it when there are fewer)."""
    if len(values) < HELD:
        return _median(values)[None, :] if len(values) else values
    return np.asarray(_median(np.moveaxis(sliding_window_view(values, HELD, axis=0), -1, 0)))


def _usual(past: Values) -> tuple[Values, Values]:
    """Median and noise of each column."""
    if not len(past):
        return np.zeros(past.shape[1]), np.zeros(past.shape[1])
    before = np.nan_to_num(_median(past))
    inner = MAD_TO_SIGMA * np.nan_to_num(_median(np.abs(past - before)))
    outer = np.nan_to_num(_percentile(np.abs(held(past) - before), OUTER)) / OUTER_TO_SIGMA
    return before, np.maximum(np.maximum(inner, outer), LEAST_SHARE * np.abs(before))


def _farthest(since: Values, before: Values) -> Values:
    levels = held(since)
    if not len(levels):
        return before
    away = np.nan_to_num(np.abs(levels - before), nan=-1.0)
    chosen = np.take_along_axis(levels, np.argmax(away, axis=0)[None, :], axis=0)[0]
    return np.where(np.isfinite(chosen), chosen, before)


def _cusum(values: Values) -> Values:
    """The statistic of a split after each row but the last."""
    rows = len(values)
    z = np.nan_to_num(_standardised(values))
    sums = np.cumsum(z - z.mean(axis=0), axis=0)[:-1]
    left = np.arange(1, rows, dtype=np.float64)
    return np.asarray((sums**2).sum(axis=1) * rows / (left * (rows - left)))


def _standardised(values: Values) -> Values:
    middle = np.nan_to_num(_median(values))
    spread = np.maximum(MAD_TO_SIGMA * np.nan_to_num(_median(np.abs(values - middle))), LEAST_SHARE * np.abs(middle))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread > 0, (values - middle) / spread, np.sign(values - middle) * CLIPPED)
    return np.clip(z, -CLIPPED, CLIPPED)


def _median(values: Values) -> Values:
    """Along the first axis; NaN only where a column has nothing else."""
    return _percentile(values, 50.0)


def _percentile(values: Values, q: float) -> Values:
    """Along the first axis, without gaps. The fast way when there are none: nanpercentile goes column by column."""
    if not np.isnan(values).any():
        return np.asarray(np.percentile(values, q, axis=0))
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(ordered).sum(axis=0)
    place = np.maximum(count - 1, 0) * (q / 100.0)
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    at_low = np.take_along_axis(ordered, low[None], axis=0)[0]
    at_high = np.take_along_axis(ordered, high[None], axis=0)[0]
    return np.where(count > 0, at_low + (at_high - at_low) * (place - low), np.nan)
