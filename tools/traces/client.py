"""Talks to a trace store that serves the API of Grafana Tempo: search by TraceQL, traces in OTLP's JSON.

Ids come as hexadecimal or as base64, depending on the version: they are only compared with each other.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from incidents.evidence import Window
from incidents.redaction import redact
from tools.estate import Endpoint
from tools.http import HttpClient, Params, segment
from tools.traces.span import Span, SpanKind, Trace
from tools.wire import Wire

SYSTEM = "the trace store"
LONGEST = 500
"""Characters of one message or attribute that are kept: an exception's message and its first frames."""
MOST_ATTRIBUTES = 16
_KEPT = (
    "http.", "url.", "rpc.", "db.", "messaging.", "peer.", "server.", "net.peer", "error", "exception.", "code.",
    "deadline", "timeout", "retry", "cache", "queue", "pool", "feature_flag.",
)  # fmt: skip
"""Beginnings of attributes that say whom a span called, what it asked and what came back."""
_FAILED = ("STATUS_CODE_ERROR", "2", 2)


class _Value(Wire):
    stringValue: str | None = None  # noqa: N815 - the wire's name
    intValue: str | int | None = None  # noqa: N815
    doubleValue: float | None = None  # noqa: N815
    boolValue: bool | None = None  # noqa: N815

    @property
    def text(self) -> str:
        known = (self.stringValue, self.intValue, self.doubleValue, self.boolValue)
        return next((str(value) for value in known if value is not None), "")


class _Attribute(Wire):
    key: str
    value: _Value = _Value()


class _Resource(Wire):
    attributes: tuple[_Attribute, ...] = ()


class _Status(Wire):
    code: str | int = ""
    message: str = ""


class _Event(Wire):
    name: str = ""
    attributes: tuple[_Attribute, ...] = ()


class _Span(Wire):
    traceId: str = ""  # noqa: N815
    spanId: str = ""  # noqa: N815
    parentSpanId: str = ""  # noqa: N815
    name: str = ""
    kind: str | int = ""
    startTimeUnixNano: int  # noqa: N815
    endTimeUnixNano: int  # noqa: N815
    attributes: tuple[_Attribute, ...] = ()
    events: tuple[_Event, ...] = ()
    status: _Status = _Status()


class _Scope(Wire):
    spans: tuple[_Span, ...] = ()


class _Batch(Wire):
    resource: _Resource = _Resource()
    scopeSpans: tuple[_Scope, ...] = ()  # noqa: N815
    instrumentationLibrarySpans: tuple[_Scope, ...] = ()  # noqa: N815 - Tempo before 2.0


class _Trace(Wire):
    batches: tuple[_Batch, ...] = ()
    resourceSpans: tuple[_Batch, ...] = ()  # noqa: N815 - what OTLP itself calls them


class _Found(Wire):
    traceID: str = Field(default="")  # noqa: N815


class _Answer(Wire):
    traces: tuple[_Found, ...] | None = None


class TracesClient:
    """Reads one trace store."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def search(self, traceql: str, *, window: Window, limit: int) -> tuple[str, ...]:
        """Ids of traces with spans that the query selects, at most `limit`; which of more is the store's choice."""
        params: Params = {
            "q": traceql,
            "start": int(window.start.timestamp()),
            "end": int(window.end.timestamp()) + 1,
            "limit": limit,
        }
        answer = await self.http.get("/api/search", _Answer, params=params)
        return tuple(one.traceID for one in answer.traces or () if one.traceID)[:limit]

    async def trace(self, number: str) -> Trace:
        """One trace. Raises NotFoundError when the store does not keep it any more."""
        answer = await self.http.get(f"/api/traces/{segment(number)}", _Trace)
        batches = answer.batches or answer.resourceSpans
        return Trace(id=number, spans=tuple(span for batch in batches for span in _spans(batch)))

    def describe(self, traceql: str, *, window: Window, limit: int) -> str:
        """The query as evidence names it."""
        return f"{traceql} from {window.start.isoformat()} to {window.end.isoformat()} limit {limit}"


def _spans(batch: _Batch) -> Iterable[Span]:
    about = {one.key: one.value.text for one in batch.resource.attributes}
    for scope in (*batch.scopeSpans, *batch.instrumentationLibrarySpans):
        for one in scope.spans:
            yield _span(one, about)


def _span(one: _Span, about: dict[str, str]) -> Span:
    own = {item.key: item.value.text for item in one.attributes}
    thrown = {item.key: item.value.text for event in one.events for item in event.attributes}
    kept = {key: redact(text)[:LONGEST] for key, text in own.items() if key.startswith(_KEPT) and text}
    failed = one.status.code in _FAILED
    said = dict.fromkeys(
        text
        for text in (
            one.status.message,
            *(values.get(key, "") for values in (own, thrown) for key in ("error.message", "exception.message")),
            *(thrown.get(key, "") for key in ("exception.type", "exception.stacktrace")),
        )
        if text
    )
    return Span(
        trace=one.traceId,
        id=one.spanId,
        parent=one.parentSpanId,
        service=about.get("service.name", "unknown"),
        namespace=about.get("k8s.namespace.name", about.get("service.namespace", "")),
        name=one.name,
        kind=_kind(one.kind),
        start=datetime.fromtimestamp(one.startTimeUnixNano / 1e9, tz=UTC),
        seconds=max(0.0, (one.endTimeUnixNano - one.startTimeUnixNano) / 1e9),
        failed=failed,
        message=redact(": ".join(said))[:LONGEST] if failed else "",
        attributes=dict(list(kept.items())[:MOST_ATTRIBUTES]),
    )


_KINDS: dict[Any, SpanKind] = {
    "SPAN_KIND_SERVER": SpanKind.SERVER,
    2: SpanKind.SERVER,
    "SPAN_KIND_CLIENT": SpanKind.CLIENT,
    3: SpanKind.CLIENT,
    "SPAN_KIND_PRODUCER": SpanKind.PRODUCER,
    4: SpanKind.PRODUCER,
    "SPAN_KIND_CONSUMER": SpanKind.CONSUMER,
    5: SpanKind.CONSUMER,
}


def _kind(value: str | int) -> SpanKind:
    return _KINDS.get(value, SpanKind.INTERNAL)
