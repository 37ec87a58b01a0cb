"""What LogQL is evaluated over: log lines by stream labels. Times are unix nanoseconds, as in Loki's API."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from worlds.promql.storage import Matcher


class Direction(StrEnum):
    """In which order lines are wanted."""

    FORWARD = "forward"
    """Oldest first."""
    BACKWARD = "backward"
    """Newest first."""


class Entry(NamedTuple):
    """One log line of one stream."""

    labels: Mapping[str, str]
    ns: int
    line: str


class LogStorage(Protocol):
    """Log lines by matchers. Implementations are synchronous and hold everything in memory."""

    def select(
        self, matchers: Sequence[Matcher], *, start_ns: int, end_ns: int, limit: int | None, direction: Direction
    ) -> Iterable[Entry]:
        """Return lines of streams that pass all matchers, with start_ns <= ns < end_ns, ordered by `direction`.

        At most `limit` lines when it is given. May be a generator: the caller stops when it has enough.
        """
        ...

    def streams(self, matchers: Sequence[Matcher], *, start_ns: int, end_ns: int) -> Sequence[Mapping[str, str]]:
        """Return the label sets of matching streams that have lines with start_ns <= ns < end_ns."""
        ...
