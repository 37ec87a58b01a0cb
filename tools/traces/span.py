"""One span: one piece of work of one service for one request, with what it said when it failed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from incidents.value import Value

PEER_KEYS = ("peer.service", "server.address", "net.peer.name", "http.host", "db.system", "messaging.destination.name")
"""Attributes that name whom a span calls, the most telling first (OpenTelemetry semantic conventions)."""


class SpanKind(StrEnum):
    """Which side of a call it is."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Value):
    """One span. Ids are as the store writes them: they are only compared."""

    trace: str
    id: str
    parent: str = ""
    service: str
    namespace: str = ""
    name: str
    kind: SpanKind = SpanKind.INTERNAL
    start: datetime
    seconds: float
    failed: bool = False
    message: str = ""
    """What it says about its failure: the status, the exception. Without secrets and bounded."""
    attributes: Mapping[str, str] = {}
    """Those that say whom it called, what it asked, what came back."""

    @property
    def peer(self) -> str:
        """Whom it called; empty when it does not say."""
        return next((self.attributes[key] for key in PEER_KEYS if key in self.attributes), "")


class Trace(Value):
    """The spans of one request that were read."""

    id: str
    spans: tuple[Span, ...]

    def children(self, span: Span) -> tuple[Span, ...]:
        """Spans directly below it."""
        return tuple(one for one in self.spans if one.parent == span.id and one.id != span.id)

    def parent(self, span: Span) -> Span | None:
        """The span above it."""
        return next((one for one in self.spans if one.id == span.parent), None) if span.parent else None

    def own_seconds(self, span: Span) -> float:
        """What it spent outside of the spans below it, at least 0; spans side by side count one after another."""
        return max(0.0, span.seconds - sum(one.seconds for one in self.children(span)))


def calls_of(traces: Iterable[Trace]) -> dict[tuple[str, str], int]:
    """How often each service called each other one."""
    found: dict[tuple[str, str], int] = {}
    for trace in traces:
        for span in trace.spans:
            above = trace.parent(span)
            if above is not None and above.service != span.service:
                key = (above.service, span.service)
                found[key] = found.get(key, 0) + 1
    return found
