"""The recording of everything that flows: blocks of ticks, and columns of single pods, services and calls on demand."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worlds.estate.flow import Block
from worlds.estate.layout import Column, Floats, Layout


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """Rows of one pod, service or call: `ticks` ascending, `rows` one line per tick."""

    ticks: NDArray[np.int64]
    rows: Floats


class Tape:
    """Blocks in the order of time. Rows are gathered when asked for and extended when the tape has grown.

    Blocks that were drawn at once and follow each other are one here: there are few of them in a long past. `columns`
    is how every pod stood last, `births` how it stood first.
    """

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._firsts: list[int] = []
        self._next = 0
        self._cache: dict[object, tuple[int, Track]] = {}
        self._layout: Layout | None = None
        self.columns: dict[str, Column] = {}
        self.births: dict[str, Column] = {}

    def append(self, block: Block) -> None:
        """Add what happened next."""
        joined = self._blocks[-1].joined(block) if self._blocks else None
        if joined is not None:
            self._blocks[-1] = joined
        else:
            self._blocks.append(block)
            self._firsts.append(block.first)
        self._next = block.end
        if block.layout is not self._layout:
            self._layout = block.layout
            for column in block.layout.columns:
                self.columns[column.uid] = column
                self.births.setdefault(column.uid, column)

    @property
    def last(self) -> Block | None:
        """The latest block."""
        return self._blocks[-1] if self._blocks else None

    def column_at(self, uid: str, tick: int) -> Column | None:
        """Return how a pod stood in a tick."""
        layout = self.layout_at(tick)
        at = layout.index.get(uid) if layout is not None else None
        return layout.columns[at] if layout is not None and at is not None else None

    def layout_at(self, tick: int) -> Layout | None:
        """Return the layout of a tick; None before the tape begins."""
        place = bisect_right(self._firsts, tick) - 1
        return self._blocks[place].layout if place >= 0 else None

    def pod(self, uid: str) -> Track:
        """Return the rows of a pod (fields: PodField)."""
        return self._track(("pod", uid))

    def service(self, key: str) -> Track:
        """Return the rows of a service (fields: ServiceField)."""
        return self._track(("service", key))

    def edge(self, caller: str, callee: str) -> Track:
        """Return the rows of a call (fields: EdgeField)."""
        return self._track(("edge", caller, callee))

    def _track(self, key: tuple[str, ...]) -> Track:
        done, known = self._cache.get(key, (0, None))
        if known is not None and done == self._next:
            return known
        begun = known is not None and len(known.ticks) > 0  # empty rows have no width that others could be joined to
        ticks = [known.ticks] if known is not None and begun else []
        rows = [known.rows] if known is not None and begun else []
        for block in self._blocks[max(bisect_right(self._firsts, done) - 1, 0) :]:
            part = _part(block, key)
            if part is not None:
                first = max(block.first, done)
                ticks.append(np.arange(first, block.end, dtype=np.int64))
                rows.append(part[first - block.first :])
        track = Track(
            ticks=np.concatenate(ticks) if ticks else np.zeros(0, dtype=np.int64),
            rows=_joined(rows) if rows else np.zeros((0, 1)),
        )
        self._cache[key] = (self._next, track)
        return track


def _joined(parts: list[Floats]) -> Floats:
    """Join rows so that each lies together in memory, however a block keeps its own."""
    joined = np.empty((sum(map(len, parts)), parts[0].shape[1]))
    return np.concatenate(parts, out=joined)


def _part(block: Block, key: tuple[str, ...]) -> Floats | None:
    match key:
        case ("pod", uid):
            at = block.layout.index.get(uid)
            return None if at is None else block.pods[:, at, :]
        case ("service", name):
            return block.service(name)
        case ("edge", caller, callee):
            return block.edge(caller, callee)
        case _:
            return None
