"""Aggregations over label groups: `sum by (...)` and its relatives, `topk`, `quantile`, `count_values`."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from worlds.promql.errors import ExecutionError
from worlds.promql.frame import Floats, Frame, Mask, Stamps, any_row, in_label_order, join_equal_rows, stack
from worlds.promql.labels import LabelKey, Labels, key_of, labels_of, signature
from worlds.promql.number import format_value
from worlds.promql.quantile import quantile_of_prefix

Grouping = Callable[[Labels], LabelKey]


def grouping(*, by: bool, names: Collection[str]) -> Grouping:
    """Return the function from labels to group labels for `by (names)` or `without (names)`."""
    return signature(on=by, names=names)


def aggregate(operator: str, frame: Frame, group_of: Grouping) -> Frame:
    """Apply an operator without parameter. Raises ExecutionError for one that does not exist."""
    if operator not in _REDUCERS:
        raise ExecutionError(f"aggregation operator {operator!r} is not supported by this server")
    if not frame.labels:
        return frame
    keys, order, starts, group = _grouped(frame.labels, group_of)
    everywhere = bool(frame.present.all())
    values, present = frame.values[order], frame.present if everywhere else frame.present[order]
    counts = _counts(present, starts, everywhere=everywhere)
    reduced = _REDUCERS[operator](_Rows(values, None if everywhere else present, starts, group, counts))
    return Frame(labels=[labels_of(key) for key in keys], values=reduced, present=np.greater(counts, 0))


def aggregate_quantile(q: Floats, frame: Frame, group_of: Grouping) -> Frame:
    """Return the q-quantile of each group; `q` has one value per step."""
    parts = []
    for key, rows in _rows_by_group(frame.labels, group_of).items():
        values, present = frame.values[rows].T[np.newaxis], frame.present[rows].T[np.newaxis]
        quantiles = quantile_of_prefix(values, present, q)
        there = any_row(frame.present[rows])[np.newaxis]
        parts.append(Frame(labels=[labels_of(key)], values=quantiles, present=there))
    return stack(parts, steps=frame.steps)


def top(frame: Frame, group_of: Grouping, *, k: Floats, largest: bool) -> Frame:
    """Keep the k largest (smallest) samples of each group at each step, with all their labels.

    The rows of each group come out best first by their last step, which is the order of an instant query's answer.
    """
    if np.isnan(k).any():
        raise ExecutionError("Scalar value NaN overflows int64")
    frame = in_label_order(frame)  # so that ties fall as they do in Prometheus
    kept, rows_in_order = np.zeros_like(frame.present), []
    limit = np.trunc(k)
    for rows in _rows_by_group(frame.labels, group_of).values():
        values, present = frame.values[rows], frame.present[rows]
        badness = np.where(np.isnan(values), np.inf, -values if largest else values)
        order = np.lexsort((badness, np.isnan(values), ~present), axis=0)
        rank = np.argsort(order, axis=0)
        kept[rows] = present & (rank < limit)
        rows_in_order += [rows[position] for position in order[:, -1]]
    return Frame(labels=frame.labels, values=frame.values, present=kept).take(rows_in_order)


def count_values(label: str, frame: Frame, group_of: Grouping) -> Frame:
    """Count equal values per group; the value becomes a label."""
    rows = []
    for row, labels in enumerate(frame.labels):
        here = frame.values[row]
        for value in np.unique(here[frame.present[row]]):
            same = frame.present[row] & ((here == value) | (np.isnan(here) & np.isnan(value)))
            rows.append(({**labels, label: format_value(float(value))}, same))
    if not rows:
        return frame.take([])
    present = np.array([same for _, same in rows])
    expanded = Frame(labels=[labels for labels, _ in rows], values=np.ones(present.shape), present=present)
    return join_equal_rows(aggregate("count", expanded, lambda one: _with_label(group_of(one), label, one[label])))


def _with_label(key: LabelKey, label: str, value: str) -> LabelKey:
    return key_of({**labels_of(key), label: value})


class _Rows:
    """The rows of a frame, sorted by group; `starts` are the groups' first rows, `counts` is groups x T.

    Without `present` nothing is missing.
    """

    def __init__(self, values: Floats, present: Mask | None, starts: Stamps, group: Stamps, counts: Floats) -> None:
        self.values, self.present, self.starts, self.group, self.counts = values, present, starts, group, counts

    def reduce(self, operation: np.ufunc, filler: float) -> Floats:
        """Combine each group's present values with a ufunc."""
        reduced: Floats = operation.reduceat(self._filled(self.values, filler), self.starts, axis=0)
        return reduced

    def variance(self) -> Floats:
        """Return the population variance of each group."""
        mean = self.reduce(np.add, 0.0) / self.counts
        deviations = self._filled(self.values - mean[self.group], 0.0)
        squares: Floats = np.add.reduceat(deviations**2, self.starts, axis=0)
        return squares / self.counts

    def _filled(self, values: Floats, filler: float) -> Floats:
        return values if self.present is None else np.where(self.present, values, filler)


_REDUCERS: Mapping[str, Callable[[_Rows], Floats]] = {
    "sum": lambda rows: rows.reduce(np.add, 0.0),
    "avg": lambda rows: rows.reduce(np.add, 0.0) / rows.counts,
    "count": lambda rows: rows.counts,
    "group": lambda rows: np.ones_like(rows.counts),
    "min": lambda rows: rows.reduce(np.fmin, np.nan),
    "max": lambda rows: rows.reduce(np.fmax, np.nan),
    "stdvar": lambda rows: rows.variance(),
    "stddev": lambda rows: np.sqrt(rows.variance()),
}


def _counts(present: Mask, starts: Stamps, *, everywhere: bool) -> Floats:
    """Return how many samples each group has at each step."""
    if everywhere:
        sizes = np.diff(starts, append=len(present)).astype(np.float64)
        return np.broadcast_to(sizes[:, np.newaxis], (len(starts), present.shape[1]))
    counts: Floats = np.add.reduceat(present.astype(np.float64), starts, axis=0)
    return counts


def _rows_by_group(labels: Sequence[Labels], group_of: Grouping) -> dict[LabelKey, list[int]]:
    rows: dict[LabelKey, list[int]] = {}
    for row, one in enumerate(labels):
        rows.setdefault(group_of(one), []).append(row)
    return rows


def _grouped(labels: Sequence[Labels], group_of: Grouping) -> tuple[list[LabelKey], Stamps, Stamps, Stamps]:
    """Return the groups' keys, the row order that puts groups together, each group's first row, each row's group."""
    rows = _rows_by_group(labels, group_of)
    order = np.array([row for group in rows.values() for row in group], dtype=np.int64)
    sizes = np.array([len(group) for group in rows.values()], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return list(rows), order, starts, np.repeat(np.arange(len(sizes)), sizes)
