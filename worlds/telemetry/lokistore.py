"""What promtail ships: every process's lines as streams with the usual labels. Satisfies Loki's storage protocol."""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from worlds.estate.simulation import Simulation
from worlds.loki.storage import Direction, Entry
from worlds.promql.labels import LabelSet
from worlds.promql.storage import Matcher, matches_all
from worlds.telemetry.logbook import LogBook, Pages

_NANOSECONDS = 1_000_000_000
_MICROSECOND = 1e-6
_time = attrgetter("ns")


class EstateLogs:
    """Log lines of all pods whose logs are collected."""

    def __init__(self, world: Simulation, book: LogBook) -> None:
        self._world = world
        self._book = book

    def select(
        self, matchers: Sequence[Matcher], *, start_ns: int, end_ns: int, limit: int | None, direction: Direction
    ) -> Iterator[Entry]:
        """Yield matching lines with start_ns <= ns < end_ns in the wanted order.

        Lines are written a tick after the other, and only for as long as somebody reads on.
        """
        start, end = start_ns / _NANOSECONDS - _MICROSECOND, end_ns / _NANOSECONDS + _MICROSECOND
        streams = [
            (labels, pages)
            for uid, labels in self._streams()
            if matches_all(matchers, labels) and (pages := self._book.pages(uid, start=start, end=end))
        ]
        backward = direction is Direction.BACKWARD
        ticks = set[int]().union(*(pages.ticks for _, pages in streams))
        left = limit
        for tick in sorted(ticks, reverse=backward):
            entries = self._written(streams, tick, start_ns, end_ns)
            entries.sort(key=_time, reverse=backward)
            yield from entries[:left]
            if left is not None:
                left -= len(entries)
                if left <= 0:
                    return

    def _written(
        self, streams: Sequence[tuple[Mapping[str, str], Pages]], tick: int, start_ns: int, end_ns: int
    ) -> list[Entry]:
        """Return a tick's lines with start_ns <= ns < end_ns. Their times are kept to the microsecond, rounded down."""
        now = self._book.now
        return [
            Entry(labels, ns, line.text)
            for labels, pages in streams
            for line in pages.lines(tick)
            if start_ns <= (ns := int(line.at * 1_000_000) * 1000) < end_ns and line.at <= now
        ]

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

    def _streams(self) -> Iterator[tuple[str, LabelSet]]:
        hidden, cluster = self._world.scenario.visibility.without_logs, self._world.scenario.estate.cluster
        for uid, (namespace, pod, key) in self._world.journal.pods.items():
            if not key or key in hidden:
                continue
            name = key.partition("/")[2]
            column = self._world.tape.columns.get(uid)
            runtime = self._world.kubelets.pods.get(uid)
            node = column.node if column else runtime.node if runtime else ""
            labels = LabelSet(namespace=namespace, pod=pod, container=name, app=name, stream="stdout", cluster=cluster)
            if node:
                labels["node_name"] = node
            yield uid, labels
