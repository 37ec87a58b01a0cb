"""The evaluator's values: everything is computed for all steps of a query at once.

An instant vector over T steps is a `Frame`: n label sets, an n x T matrix of values and an n x T mask that says where
there is a sample. A missing sample and a NaN are different things in PromQL, hence the mask. An instant query is T = 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from worlds.promql.errors import ExecutionError
from worlds.promql.labels import LabelKey, Labels, key_of, without_name
from worlds.promql.storage import METRIC_NAME

Floats: TypeAlias = NDArray[np.float64]
Stamps: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """An instant vector at each of T steps. Where `present` is False the value is arbitrary."""

    labels: Sequence[Labels]
    values: Floats
    present: Mask

    @property
    def steps(self) -> int:
        """Return T."""
        return int(self.values.shape[1])

    def anywhere(self) -> Mask:
        """Say for each step whether any series has a sample."""
        return any_row(self.present)

    def take(self, rows: Sequence[int]) -> "Frame":
        """Return the given rows, in the given order."""
        picked = list(rows)
        return Frame(
            labels=[self.labels[row] for row in picked], values=self.values[picked], present=self.present[picked]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Scalar:
    """One number at each of T steps."""

    values: Floats


@dataclass(frozen=True, kw_only=True)
class Text:
    """A string literal."""

    value: str


Value: TypeAlias = Frame | Scalar | Text


def any_row(mask: Mask) -> Mask:
    """Say for each column of a matrix whether any row is set."""
    found: Mask = np.logical_or.reduce(mask, axis=0)
    return found


def empty_frame(steps: int) -> Frame:
    """Return an instant vector without series."""
    return Frame(labels=[], values=np.empty((0, steps)), present=np.zeros((0, steps), dtype=bool))


def stack(frames: Sequence[Frame], *, steps: int) -> Frame:
    """Put frames of the same steps below each other."""
    if not frames:
        return empty_frame(steps)
    if len(frames) == 1:
        return frames[0]
    return Frame(
        labels=[labels for frame in frames for labels in frame.labels],
        values=np.concatenate([frame.values for frame in frames]),
        present=np.concatenate([frame.present for frame in frames]),
    )


def in_label_order(frame: Frame) -> Frame:
    """Sort the rows as Prometheus hands out series. Where the order tells something; nothing else needs it."""
    keys = [key_of(labels) for labels in frame.labels]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return frame if order == list(range(len(keys))) else frame.take(order)


def nameless(frame: Frame) -> Frame:
    """Drop the metric's name from every row; rows that differed in nothing else become one.

    Raises ExecutionError when two such rows have a sample at the same step.
    """
    bare = Frame(labels=[without_name(one) for one in frame.labels], values=frame.values, present=frame.present)
    return bare if of_one_metric(frame) else join_equal_rows(bare)


def of_one_metric(frame: Frame) -> bool:
    """Say whether all rows have the same metric name, or none."""
    return len({labels.get(METRIC_NAME, "") for labels in frame.labels}) <= 1


def without_empty_rows(frame: Frame) -> Frame:
    """Leave out series that have no sample at any step."""
    alive = frame.present.any(axis=1)
    if alive.all():
        return frame
    return frame.take(np.flatnonzero(alive).tolist())


def join_equal_rows(frame: Frame, *, complaint: str = "vector cannot contain metrics with the same labelset") -> Frame:
    """Make one row of rows with equal labels. Raises ExecutionError when two have a sample at the same step."""
    rows_by_key: dict[LabelKey, list[int]] = {}
    for row, labels in enumerate(frame.labels):
        rows_by_key.setdefault(key_of(labels), []).append(row)
    if len(rows_by_key) == len(frame.labels):
        return frame
    values, present = [], []
    for rows in rows_by_key.values():
        if (frame.present[rows].sum(axis=0) > 1).any():
            raise ExecutionError(complaint)
        values.append(np.where(frame.present[rows], frame.values[rows], 0.0).sum(axis=0))
        present.append(frame.present[rows].any(axis=0))
    firsts = [frame.labels[rows[0]] for rows in rows_by_key.values()]
    return Frame(labels=firsts, values=np.array(values), present=np.array(present))
