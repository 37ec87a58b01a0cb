"""From raw samples to those that matter at each step: lookback and staleness for vectors, windows for ranges.

Series that share their timestamps form a `Block` and are treated in one go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import cast

import numpy as np

from worlds.promql.frame import Floats, Frame, Mask, Stamps
from worlds.promql.labels import Labels
from worlds.promql.storage import STALE_NAN_BITS, Matcher, Rows, Series, Storage, label_sets

# How many samples the windows of one chunk may hold, so that a long range over many series stays in tens of megabytes.
_CHUNK_SAMPLES = 2_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """n series with the same S timestamps (unix milliseconds, ascending)."""

    labels: Sequence[Labels]
    stamps: Stamps
    values: Floats

    @cached_property
    def resets(self) -> bool:
        """Whether any of the series falls anywhere, as counters do that begin anew."""
        return bool(self._falls.any())

    @cached_property
    def lost(self) -> Floats:
        """What counters lost in resets up to each sample, n x S: add it to the values and they never fall."""
        lost = np.zeros_like(self.values)
        np.cumsum(np.where(self._falls, self.values[:, :-1], 0.0), axis=1, out=lost[:, 1:])
        return lost

    @cached_property
    def _falls(self) -> Mask:
        return np.less(self.values[:, 1:], self.values[:, :-1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """What n series hold in each of T windows, padded to W samples.

    `stamps` and `valid` are T x W, `values` is n x T x W; in each window the valid samples come first. `starts` and
    `ends` bound the windows (both included), `times` are the steps they are computed for (unix milliseconds).
    Functions that need no more than a window's edges take `first` and `from_end`: padding is made on demand.
    """

    block: Block
    low: Stamps
    counts: Stamps
    starts: Stamps
    ends: Stamps
    times: Stamps
    rows: slice
    width: int

    @property
    def series(self) -> int:
        """Return n."""
        return len(self.block.labels)

    @cached_property
    def first(self) -> Stamps:
        """The position in the block of each window's oldest sample; any position where there is none."""
        return self._within(self.low)

    def from_end(self, distance: int) -> Stamps:
        """Return the positions of the samples so far from each window's end: 1 is the newest."""
        return self._within(self.low + np.maximum(self.counts - distance, 0))

    def _within(self, place: Stamps) -> Stamps:
        inside: Stamps = np.minimum(place, max(0, self.block.stamps.size - 1))
        return inside

    @cached_property
    def _index(self) -> Stamps:
        return self._within(self.low[:, np.newaxis] + np.arange(self.width))

    @cached_property
    def stamps(self) -> Stamps:
        """When the samples were taken."""
        return self.block.stamps[self._index]

    @cached_property
    def values(self) -> Floats:
        """The samples."""
        return self.block.values[:, self._index]

    @cached_property
    def valid(self) -> Mask:
        """Which of the samples lie in their window: the rest is padding."""
        return np.less(np.arange(self.width), self.counts[:, np.newaxis])


def taken(values: Floats, places: Stamps) -> Floats:
    """Return those columns; without copying them where they are equally far apart, as those of a query's steps are."""
    if places.size > 1:
        step = int(places[1] - places[0])
        if step > 0 and (np.diff(places) == step).all():
            return values[:, places[0] : places[-1] + 1 : step]
    return values[:, places]


def fetch(storage: Storage, matchers: Sequence[Matcher], *, start: int, end: int) -> list[Block]:
    """Select series and group those with equal timestamps. Times are unix milliseconds."""
    found = storage.select(matchers, start=start / 1000, end=end / 1000)
    return group_by_stamps(found, start=start, end=end)


@dataclass(kw_only=True, eq=False)
class _Gathered:
    """A block that grows: label sets, and matrices of those that came one after the other."""

    stamps: Stamps
    labels: list[Labels] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)

    def block(self) -> Block:
        values = self.rows[0] if len(self.rows) == 1 else np.concatenate(self.rows)
        return Block(labels=self.labels, stamps=self.stamps, values=values)


def group_by_stamps(found: Sequence[Series | Rows], *, start: int, end: int) -> list[Block]:
    """Cut series to [start, end] and group those with equal timestamps."""
    groups: dict[bytes, _Gathered] = {}
    seen: dict[int, tuple[bytes, Stamps, slice]] = {}
    for identity, run in groupby(found, key=lambda one: id(one.timestamps)):
        together = list(run)
        if identity not in seen:
            seen[identity] = _cut(together[0], start, end)
        key, stamps, window = seen[identity]
        if stamps.size:
            group = groups.setdefault(key, _Gathered(stamps=stamps))
            for several, part in groupby(together, key=lambda one: isinstance(one, Rows)):
                _gather(group, list(part), window, several=several)
    return [group.block() for group in groups.values()]


def _gather(group: _Gathered, found: Sequence[Series | Rows], window: slice, *, several: bool) -> None:
    if several:
        group.labels += label_sets(found)
        group.rows += [one.values[:, window] for one in cast("Sequence[Rows]", found)]
    else:
        group.labels += [series.labels for series in cast("Sequence[Series]", found)]
        group.rows.append(np.array([one.values for one in found], dtype=np.float64)[:, window])


def instant_frame(block: Block, times: Stamps, *, lookback: int) -> tuple[Frame, Stamps]:
    """Return the latest sample at or before each time, at most `lookback` ms old, and when each was taken."""
    newest = np.searchsorted(block.stamps, times, "right") - 1
    index = np.maximum(newest, 0)
    stamps = block.stamps[index]
    values = taken(block.values, index)
    fresh = (newest >= 0) & (stamps >= times - lookback)
    present = fresh[np.newaxis, :] & ~is_stale(values)
    return Frame(labels=block.labels, values=values, present=present), stamps


def without_stale_markers(block: Block) -> list[Block]:
    """Take stale markers out, as range vectors want it; series that lose the same samples leave the block together."""
    stale = is_stale(block.values)
    affected = stale.any(axis=1)
    if not affected.any():
        return [block]
    patterns: dict[bytes, list[int]] = {}
    for row in np.flatnonzero(affected).tolist():
        patterns.setdefault(stale[row].tobytes(), []).append(row)
    blocks = []
    for rows in patterns.values():  # what one process exported ends at one time: its series stay together
        real = ~stale[rows[0]]
        labels = [block.labels[row] for row in rows]
        blocks.append(Block(labels=labels, stamps=block.stamps[real], values=block.values[rows][:, real]))
    calm = np.flatnonzero(~affected)
    if calm.size:
        labels = [block.labels[row] for row in calm.tolist()]
        blocks.append(Block(labels=labels, stamps=block.stamps, values=block.values[calm]))
    return blocks


def windows(block: Block, *, ends: Stamps, span: int, times: Stamps) -> Iterator[Windows]:
    """Cut the block into windows [end - span, end], in chunks of steps that bound the memory used."""
    starts = ends - span
    low = np.searchsorted(block.stamps, starts, "left")
    high = np.searchsorted(block.stamps, ends, "right")
    counts = high - low
    width = max(1, int(counts.max(initial=0)))
    chunk = max(1, _CHUNK_SAMPLES // (width * max(1, len(block.labels))))
    for first in range(0, len(ends), chunk):
        rows = slice(first, first + chunk)
        yield Windows(
            block=block,
            low=low[rows],
            width=width,
            counts=counts[rows],
            starts=starts[rows],
            ends=ends[rows],
            times=times[rows],
            rows=rows,
        )


def is_stale(values: Floats) -> Mask:
    """Say where values are Prometheus' stale marker. An ordinary NaN is not."""
    bits: Mask = np.ascontiguousarray(values).view(np.uint64) == np.uint64(STALE_NAN_BITS)
    return bits


def _cut(series: Series | Rows, start: int, end: int) -> tuple[bytes, Stamps, slice]:
    stamps = np.rint(np.asarray(series.timestamps, dtype=np.float64) * 1000).astype(np.int64)
    low, high = np.searchsorted(stamps, start, "left"), np.searchsorted(stamps, end, "right")
    window = slice(int(low), int(high))
    cut = stamps[window]
    return cut.tobytes(), cut, window
