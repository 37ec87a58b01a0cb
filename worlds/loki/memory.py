"""A log storage that holds what it was given: tests and replayed evidence use it."""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from worlds.loki.storage import Direction, Entry
from worlds.promql.labels import LabelKey, key_of
from worlds.promql.storage import Matcher, matches_all


class MemoryLogStorage:
    """Entries by stream, kept in order of time. Satisfies `worlds.loki.storage.LogStorage`."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._streams: dict[LabelKey, list[Entry]] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Keep one more line; lines may come out of order."""
        insort(self._streams.setdefault(key_of(entry.labels), []), entry, key=lambda one: one.ns)

    def select(
        self, matchers: Sequence[Matcher], *, start_ns: int, end_ns: int, limit: int | None, direction: Direction
    ) -> Iterator[Entry]:
        """Merge the matching streams in order of time."""
        chosen = [lines for _, lines in self._matching(matchers, start_ns, end_ns)]
        backward = direction is Direction.BACKWARD
        ordered = (reversed(lines) if backward else iter(lines) for lines in chosen)
        return islice(heapq.merge(*ordered, key=lambda one: one.ns, reverse=backward), limit)

    def streams(self, matchers: Sequence[Matcher], *, start_ns: int, end_ns: int) -> Sequence[Mapping[str, str]]:
        """Return matching label sets."""
        return [labels for labels, _ in self._matching(matchers, start_ns, end_ns)]

    def _matching(
        self, matchers: Sequence[Matcher], start_ns: int, end_ns: int
    ) -> Iterator[tuple[Mapping[str, str], list[Entry]]]:
        for entries in self._streams.values():
            labels = entries[0].labels
            if matches_all(matchers, labels):
                low = bisect_left(entries, start_ns, key=lambda one: one.ns)
                high = bisect_left(entries, end_ns, key=lambda one: one.ns)
                if low < high:
                    yield labels, entries[low:high]
