"""Selectors: where `offset`, `@` and lookback meet the storage, for instant vectors, ranges and subqueries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import promql_parser as ast

from worlds.promql.frame import Frame, Stamps, stack, without_empty_rows
from worlds.promql.over_time import Computed
from worlds.promql.parsing import instant_milliseconds, matchers_of, milliseconds
from worlds.promql.sampling import Block, Windows, fetch, instant_frame, windows, without_stale_markers
from worlds.promql.storage import Storage


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """The steps at which something is evaluated, and the bounds of the whole query for `@ start()` and `@ end()`.

    All in unix milliseconds.
    """

    times: Stamps
    query_start: int
    query_end: int

    def on(self, times: Stamps) -> "Grid":
        """Return the same query on other steps."""
        return Grid(times=times, query_start=self.query_start, query_end=self.query_end)

    def moved(self, *, at: ast.AtModifier | None, offset: timedelta | None) -> Stamps:
        """Return the times that a selector with these modifiers looks at, one per step."""
        shift = milliseconds(offset) if offset is not None else 0
        if at is None:
            return self.times - shift
        return np.full_like(self.times, self._pinned(at)) - shift

    def _pinned(self, at: ast.AtModifier) -> int:
        if at.type == ast.AtModifierType.Start:
            return self.query_start
        if at.type == ast.AtModifierType.End:
            return self.query_end
        if at.at is None:  # the parser always sets it for `@ <timestamp>`
            raise ValueError("@ without a timestamp")
        return instant_milliseconds(at.at)


def instant_vector(storage: Storage, selector: ast.VectorSelector, grid: Grid, *, lookback: int) -> Frame:
    """Evaluate a vector selector at every step."""
    frames = [frame for frame, _ in _instants(storage, selector, grid, lookback=lookback)]
    return without_empty_rows(stack(frames, steps=len(grid.times)))


def sample_times(storage: Storage, selector: ast.VectorSelector, grid: Grid, *, lookback: int) -> Frame:
    """Evaluate `timestamp(selector)`: the seconds at which the samples were taken, not those of the steps."""
    frames = [
        Frame(
            labels=frame.labels,
            values=np.broadcast_to(stamps / 1000, frame.values.shape),
            present=frame.present,
        )
        for frame, stamps in _instants(storage, selector, grid, lookback=lookback)
    ]
    return without_empty_rows(stack(frames, steps=len(grid.times)))


def range_blocks(storage: Storage, selector: ast.MatrixSelector, grid: Grid) -> tuple[list[Block], Stamps]:
    """Return the raw samples that any step's window needs, without stale markers, and the windows' ends."""
    vector = selector.vector_selector
    ends = grid.moved(at=vector.at, offset=vector.offset)
    start = int(ends.min()) - milliseconds(selector.range)
    blocks = fetch(storage, matchers_of(vector), start=start, end=int(ends.max()))
    return [calm for block in blocks for calm in without_stale_markers(block)], ends


def over_windows(
    blocks: Sequence[Block], function: Callable[[Windows], Computed], *, ends: Stamps, span: int, times: Stamps
) -> Frame:
    """Apply a range function to every series' windows."""
    frames = []
    for block in blocks:
        parts = [function(window) for window in windows(block, ends=ends, span=span, times=times)]
        values, present = parts[0] if len(parts) == 1 else _side_by_side(parts)
        frames.append(Frame(labels=block.labels, values=values, present=present))
    return without_empty_rows(stack(frames, steps=len(times)))


def _side_by_side(parts: Sequence[Computed]) -> Computed:
    values, present = zip(*parts, strict=True)
    return np.concatenate(values, axis=1), np.concatenate(present, axis=1)


def subquery_times(ends: Stamps, *, span: int, step: int) -> Stamps:
    """Return the inner steps of a subquery: multiples of `step` that fall into any window."""
    first = -(-(int(ends.min()) - span) // step) * step
    return np.arange(first, int(ends.max()) + 1, step, dtype=np.int64)


def frame_blocks(frame: Frame, times: Stamps) -> list[Block]:
    """Turn a subquery's answer into samples again."""
    patterns: dict[bytes, list[int]] = {}
    for row in range(len(frame.labels)):
        patterns.setdefault(frame.present[row].tobytes(), []).append(row)
    blocks = []
    for rows in patterns.values():
        there = frame.present[rows[0]]
        labels = [frame.labels[row] for row in rows]
        blocks.append(Block(labels=labels, stamps=times[there], values=frame.values[rows][:, there]))
    return blocks


def _instants(
    storage: Storage, selector: ast.VectorSelector, grid: Grid, *, lookback: int
) -> list[tuple[Frame, Stamps]]:
    times = grid.moved(at=selector.at, offset=selector.offset)
    blocks = fetch(storage, matchers_of(selector), start=int(times.min()) - lookback, end=int(times.max()))
    return [instant_frame(block, times, lookback=lookback) for block in blocks]
