"""Quantiles as Prometheus computes them (promql/quantile.go): over samples, and over the buckets of a histogram."""

import numpy as np

from worlds.promql.frame import Floats, Mask


def quantile_of_prefix(values: Floats, valid: Mask, q: Floats) -> Floats:
    """Return the q-quantile over the last axis, with linear interpolation between neighbours.

    `values` is n x T x W, `valid` T x W or n x T x W, `q` has T values. NaN counts as the smallest value. Outside
    [0, 1] the answer is -Inf or +Inf. Without a valid value the answer is meaningless.
    """
    valid = np.broadcast_to(valid, values.shape)
    order = np.lexsort((np.where(np.isnan(values), -np.inf, values), ~valid), axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    counts = valid.sum(axis=-1)
    rank = np.nan_to_num(np.clip(q, 0.0, 1.0)) * (counts - 1)
    low = np.maximum(np.floor(rank), 0).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(counts - 1, 0))
    weight = rank - np.floor(rank)
    lower = np.take_along_axis(ordered, low[..., np.newaxis], axis=-1)[..., 0]
    upper = np.take_along_axis(ordered, high[..., np.newaxis], axis=-1)[..., 0]
    return outside_unit_interval(lower * (1 - weight) + upper * weight, q)


def outside_unit_interval(quantiles: Floats, q: Floats) -> Floats:
    """Put -Inf where q < 0, +Inf where q > 1 and NaN where q is NaN."""
    return np.where(np.isnan(q), np.nan, np.where(q < 0, -np.inf, np.where(q > 1, np.inf, quantiles)))


def bucket_quantile(q: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Return the q-quantile of a classic histogram at each of T steps.

    `bounds` are the B ascending upper bounds (`le`), `counts` the B x T cumulative counts. NaN when the highest bound
    is not +Inf, when there are fewer than two buckets, or nothing was observed.
    """
    steps = counts.shape[1]
    if len(bounds) < 2 or not np.isposinf(bounds[-1]):  # noqa: PLR2004 -- one bucket holds no shape
        return outside_unit_interval(np.full(steps, np.nan), q)
    cumulative = np.fmax.accumulate(counts, axis=0)
    total = cumulative[-1]
    rank = q * total
    bucket = (cumulative[:-1] < rank).sum(axis=0)
    last = bucket == len(bounds) - 1
    here = np.minimum(bucket, len(bounds) - 2)
    below = np.maximum(here - 1, 0)
    columns = np.arange(steps)
    first = here == 0
    lower = np.where(first, 0.0, bounds[below])
    before = np.where(first, 0.0, cumulative[below, columns])
    share = (rank - before) / (cumulative[here, columns] - before)
    inside = lower + (bounds[here] - lower) * share
    inside = np.where(first & (bounds[0] <= 0), bounds[0], inside)
    answer = np.where(last, bounds[-2], inside)
    return outside_unit_interval(np.where(total == 0, np.nan, answer), q)
