"""Where the trace API finds spans: the few questions that any storage answers, and one that holds all in memory."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from worlds.recorded.recording import Span
from worlds.traces.traceql import Term


@dataclass(frozen=True, kw_only=True)
class FoundTrace:
    """A trace and those of its spans that were asked for."""

    number: str
    """Thirty-two hexadecimal digits."""
    spans: Sequence[Span]
    matched: Sequence[Span]


class Spans(Protocol):
    """Traces that can be searched. Times are unix seconds."""

    def search(
        self, terms: Sequence[Term], *, start: float | None, end: float | None, limit: int
    ) -> Sequence[FoundTrace]:
        """Return traces that begin in the window and have a span for which all terms hold, newest first."""
        ...

    def trace(self, number: str) -> Sequence[Span]:
        """Return the spans of a trace by its thirty-two digits; none when it is not kept."""
        ...

    def names(self) -> Collection[str]:
        """Return the names of attributes that spans have."""
        ...


class MemorySpans:
    """Spans that were recorded."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._traces: dict[str, list[Span]] = {}
        for span in spans:
            self._traces.setdefault(trace_id(span.trace), []).append(span)

    def search(
        self, terms: Sequence[Term], *, start: float | None, end: float | None, limit: int
    ) -> Sequence[FoundTrace]:
        """Look through all of them."""
        found = [
            FoundTrace(number=number, spans=own, matched=matched)
            for number, own in self._traces.items()
            if _within(own, start, end) and (matched := matching(own, terms))
        ]
        found.sort(key=lambda one: (-begun(one.spans), one.number))
        return found[:limit]

    def trace(self, number: str) -> Sequence[Span]:
        """Return the spans of a trace."""
        return self._traces.get(number, ())

    def names(self) -> Collection[str]:
        """Return the names of attributes that spans have."""
        return {name for own in self._traces.values() for span in own for name in span.attributes}


def matching(spans: Iterable[Span], terms: Sequence[Term]) -> list[Span]:
    """Return the spans for which all terms hold."""
    return [span for span in spans if all(term.holds(span) for term in terms)]


def begun(spans: Iterable[Span]) -> float:
    """Return when a trace began."""
    return min(span.start for span in spans)


def trace_id(text: str) -> str:
    """Thirty-two hexadecimal digits: the recorded id when it is one, else its digest."""
    plain = text.lower()
    if len(plain) <= 32 and plain and all(c in "0123456789abcdef" for c in plain):  # noqa: PLR2004 - 128 bits
        return plain.rjust(32, "0")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _within(spans: Iterable[Span], start: float | None, end: float | None) -> bool:
    first = begun(spans)
    return (start is None or first >= start) and (end is None or first <= end)
