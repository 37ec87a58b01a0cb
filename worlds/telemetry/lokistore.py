"""What promtail ships: every process's lines as streams with the usual labels. Satisfies Loki's storage protocol."""

from collections.abc import Iterator, Mapping, Sequence

from worlds.estate.simulation import Simulation
from worlds.loki.storage import Direction, Entry
from worlds.promql.storage import Matcher, matches_all
from worlds.telemetry.logbook import LogBook

_NANOSECONDS = 1_000_000_000
_MICROSECOND = 1e-6
# Five minutes: a few hundred lines of a usual service, which is what somebody reads at once.
_STRETCH = 300 * _NANOSECONDS


class EstateLogs:
    """Log lines of all pods whose logs are collected."""

    def __init__(self, world: Simulation, book: LogBook) -> None:
        self._world = world
        self._book = book

    def select(
        self, matchers: Sequence[Matcher], *, start_ns: int, end_ns: int, limit: int | None, direction: Direction
    ) -> Iterator[Entry]:
        """Yield matching lines with start_ns <= ns < end_ns in the wanted order.

        Lines are written a stretch of time after the other, and only for as long as somebody reads on.
        """
        streams = [(uid, labels) for uid, labels in self._streams() if matches_all(matchers, labels)]
        backward = direction is Direction.BACKWARD
        firsts = range(start_ns, end_ns, _STRETCH)
        left = limit
        for first in reversed(firsts) if backward else firsts:
            entries = self._written(streams, first, min(first + _STRETCH, end_ns))
            entries.sort(key=lambda entry: entry.ns, reverse=backward)
            yield from entries[:left]
            if left is not None:
                left -= len(entries)
                if left <= 0:
                    return

    def _written(self, streams: Sequence[tuple[str, Mapping[str, str]]], start_ns: int, end_ns: int) -> list[Entry]:
        """Return the lines with start_ns <= ns < end_ns. Their times are kept to the microsecond, rounded down."""
        start, end = start_ns / _NANOSECONDS, end_ns / _NANOSECONDS
        entries = [
            Entry(labels=labels, ns=int(line.at * 1_000_000) * 1000, line=line.text)
            for uid, labels in streams
            for line in self._book.lines(uid, start=start - _MICROSECOND, end=end + _MICROSECOND)
        ]
        return [entry for entry in entries if start_ns <= entry.ns < end_ns]

    def streams(self, matchers: Sequence[Matcher], *, start_ns: int, end_ns: int) -> Sequence[Mapping[str, str]]:
        """Return the labels of matching streams that have lines in the window."""
        start, end = start_ns / _NANOSECONDS, end_ns / _NANOSECONDS
        found = []
        for uid, labels in self._streams():
            lives = self._world.journal.lifetimes(uid)
            alive = any(life.started < end and (life.ended is None or life.ended >= start) for life in lives)
            if alive and matches_all(matchers, labels):
                found.append(labels)
        return found

    def _streams(self) -> Iterator[tuple[str, dict[str, str]]]:
        hidden = self._world.scenario.visibility.without_logs
        for uid, (namespace, pod, key) in self._world.journal.pods.items():
            name = key.partition("/")[2]
            column = self._world.tape.columns.get(uid)
            runtime = self._world.kubelets.pods.get(uid)
            node = column.node if column else runtime.node if runtime else ""
            if key and key not in hidden:
                labels = {"namespace": namespace, "pod": pod, "container": name, "app": name, "stream": "stdout"}
                yield (
                    uid,
                    labels | {"cluster": self._world.scenario.estate.cluster} | ({"node_name": node} if node else {}),
                )
