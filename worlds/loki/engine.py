"""LogQL over a storage: log queries give streams, metric queries give vectors by way of PromQL's own machinery."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np

from worlds.loki import metrics
from worlds.loki.errors import LogQLError
from worlds.loki.parser import parse
from worlds.loki.storage import Direction, Entry, LogStorage
from worlds.loki.syntax import LogQuery
from worlds.promql.frame import Frame, Stamps
from worlds.promql.labels import LabelKey, key_of, labels_of
from worlds.promql.result import MatrixResult, Run, Sample, VectorResult

_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Lines with the same labels after the pipeline: pairs of unix nanoseconds and text."""

    labels: Mapping[str, str]
    lines: Sequence[tuple[int, str]]


@dataclass(frozen=True, kw_only=True)
class StreamsResult:
    """The answer of a log query, and how much was read for it."""

    streams: Sequence[Stream]
    lines_read: int
    bytes_read: int


Answer: TypeAlias = StreamsResult | MatrixResult | VectorResult


@dataclass(frozen=True, kw_only=True)
class LogEngine:
    """LogQL over one storage. Pure: the time is always an argument (unix nanoseconds)."""

    storage: LogStorage

    def range(
        self, query: str, *, start_ns: int, end_ns: int, step_ns: int, limit: int, direction: Direction
    ) -> StreamsResult | MatrixResult:
        """Answer a log query (start <= line < end) or a metric query at every step. Raises LogQLError."""
        parsed = parse(query)
        if isinstance(parsed, LogQuery):
            return self._streams(parsed, start_ns=start_ns, end_ns=end_ns, limit=limit, direction=direction)
        times = np.arange(start_ns, end_ns + 1, step_ns, dtype=np.int64)
        return _matrix(metrics.frame(self.storage, parsed, times), times)

    def instant(self, query: str, *, at_ns: int) -> VectorResult:
        """Answer a metric query at one time. Raises LogQLError, also for a log query."""
        parsed = parse(query)
        if isinstance(parsed, LogQuery):
            raise LogQLError(
                "log queries are not supported as an instant query type, please change your query to a range query type"
            )
        frame = metrics.frame(self.storage, parsed, np.array([at_ns], dtype=np.int64))
        rows = [row for row in range(len(frame.labels)) if frame.present[row, 0]]
        samples = [
            Sample(labels=frame.labels[row], time=at_ns / _NS, value=float(frame.values[row, 0])) for row in rows
        ]
        return VectorResult(samples=samples)

    def _streams(
        self, query: LogQuery, *, start_ns: int, end_ns: int, limit: int, direction: Direction
    ) -> StreamsResult:
        wanted = self.storage.select(
            query.matchers,
            start_ns=start_ns,
            end_ns=end_ns,
            limit=None if query.stages else limit,
            direction=direction,
        )
        read: list[Entry] = []
        found: dict[LabelKey, list[tuple[int, str]]] = {}
        if query.stages:
            for entry, line, labels in islice(metrics.piped(query.stages, _noted(wanted, read)), limit):
                found.setdefault(key_of(labels), []).append((entry.ns, line))
        else:
            read.extend(wanted)
            for labels, ns, line in read:
                found.setdefault(key_of(labels), []).append((ns, line))
        streams = [Stream(labels=labels_of(key), lines=lines) for key, lines in sorted(found.items())]
        return StreamsResult(
            streams=streams, lines_read=len(read), bytes_read=sum(len(entry.line.encode()) for entry in read)
        )


def _noted(entries: Iterable[Entry], read: list[Entry]) -> Iterator[Entry]:
    """Yield what comes, and note it."""
    for entry in entries:
        read.append(entry)
        yield entry


def _matrix(frame: Frame, times: Stamps) -> MatrixResult:
    seconds = times / _NS
    runs = []
    for row in sorted(range(len(frame.labels)), key=lambda one: key_of(frame.labels[one])):
        there = frame.present[row]
        if there.any():
            kept = seconds[there].tolist()
            runs.append(Run(labels=frame.labels[row], times=kept, values=frame.values[row, there].tolist()))
    return MatrixResult(runs=runs)
