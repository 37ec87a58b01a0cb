"""`histogram_quantile` over classic histograms: the series of one histogram differ only in `le`."""

from collections.abc import Sequence

import numpy as np

from worlds.promql.frame import Floats, Frame, Mask, any_row, stack
from worlds.promql.labels import LabelKey, drop, key_of, labels_of
from worlds.promql.quantile import bucket_quantile
from worlds.promql.storage import METRIC_NAME

_BOUND_LABEL = "le"


def histogram_quantile(q: Floats, frame: Frame) -> Frame:
    """Return the q-quantile of every histogram in the frame; series without a numeric `le` are ignored."""
    histograms: dict[LabelKey, list[tuple[float, int]]] = {}
    for row, labels in enumerate(frame.labels):
        bound = _bound(labels.get(_BOUND_LABEL, ""))
        if bound is not None:
            key = key_of(drop(labels, (METRIC_NAME, _BOUND_LABEL)))
            histograms.setdefault(key, []).append((bound, row))
    quantiles = [_one(q, frame, key, sorted(buckets)) for key, buckets in histograms.items()]
    return stack(quantiles, steps=frame.steps)


def _one(q: Floats, frame: Frame, key: LabelKey, buckets: Sequence[tuple[float, int]]) -> Frame:
    bounds = np.array([bound for bound, _ in buckets])
    rows = [row for _, row in buckets]
    counts, present = frame.values[rows], frame.present[rows]
    values = np.full(frame.steps, np.nan)
    for columns in _columns_with_same_buckets(present):
        there = present[:, columns[0]]
        if there.any():
            merged_bounds, merged = _coalesced(bounds[there], counts[there][:, columns])
            values[columns] = bucket_quantile(q[columns], merged_bounds, merged)
    return Frame(labels=[labels_of(key)], values=values[np.newaxis], present=any_row(present)[np.newaxis])


def _columns_with_same_buckets(present: Mask) -> list[np.ndarray[tuple[int, ...], np.dtype[np.intp]]]:
    if present.all():
        return [np.arange(present.shape[1])]
    _, inverse = np.unique(present, axis=1, return_inverse=True)
    pattern = inverse.ravel()
    return [np.flatnonzero(pattern == one) for one in range(int(pattern.max()) + 1)]


def _coalesced(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Add up buckets whose bounds are the same number written differently (`1` and `1.0`)."""
    unique, first = np.unique(bounds, return_index=True)
    if len(unique) == len(bounds):
        return bounds, counts
    return unique, np.add.reduceat(counts, first, axis=0)


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
