"""Tempo's HTTP API as one router: search by TraceQL, single traces in OTLP's JSON, readiness."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import PlainTextResponse

from worlds.recorded.recording import Span
from worlds.traces.traceql import TraceQLError, parse

_NANOSECONDS = 1_000_000_000
_SPANS_SHOWN = 3
"""Spans of a trace that a search shows unless it asks for more (Tempo's default of `spss`)."""


def router(spans: Sequence[Span]) -> APIRouter:
    """Return the routes over these spans."""
    routes, store = APIRouter(), _Store(spans)
    for path, handler in (
        ("/api/search", store.search),
        ("/api/traces/{number}", store.trace),
        ("/api/v2/traces/{number}", store.trace_v2),
        ("/api/search/tags", store.tags),
    ):
        routes.add_api_route(path, handler, methods=["GET"])
    routes.add_api_route("/ready", _ready, methods=["GET"], response_class=PlainTextResponse)
    routes.add_api_route("/api/echo", _echo, methods=["GET"], response_class=PlainTextResponse)
    return routes


async def _ready() -> str:
    return "ready\n"


async def _echo() -> str:
    return "echo"


class _Store:
    """Spans by trace."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._traces: dict[str, list[Span]] = {}
        for span in spans:
            self._traces.setdefault(trace_id(span.trace), []).append(span)

    async def search(
        self,
        q: str = "{}",
        start: float | None = None,
        end: float | None = None,
        limit: Annotated[int, Query(ge=1)] = 20,
    ) -> Mapping[str, Any]:
        """GET /api/search, newest traces first."""
        try:
            terms = parse(q)
            found = [
                (number, own, matched)
                for number, own in self._traces.items()
                if _within(own, start, end) and (matched := [s for s in own if all(term.holds(s) for term in terms)])
            ]
        except TraceQLError as error:
            raise HTTPException(400, f"invalid TraceQL query: {error}") from error
        found.sort(key=lambda one: (-min(span.start for span in one[1]), one[0]))
        traces = [_summary(number, own, matched) for number, own, matched in found[:limit]]
        return {"traces": traces, "metrics": {"inspectedTraces": len(self._traces), "completedJobs": 1}}

    async def trace(self, number: str) -> Mapping[str, Any]:
        """GET /api/traces/ID."""
        own = self._traces.get(number.lower().lstrip("0").rjust(32, "0"))
        if own is None:
            raise HTTPException(404, "trace not found")
        return {"batches": list(_batches(own))}

    async def trace_v2(self, number: str) -> Mapping[str, Any]:
        """GET /api/v2/traces/ID."""
        found = await self.trace(number)
        return {"trace": {"resourceSpans": found["batches"]}, "metrics": {}}

    async def tags(self) -> Mapping[str, Any]:
        """GET /api/search/tags."""
        names = {name for own in self._traces.values() for span in own for name in span.attributes}
        return {"tagNames": sorted({"service.name", *names})}


def trace_id(text: str) -> str:
    """Thirty-two hexadecimal digits: the recorded id when it is one, else its digest."""
    plain = text.lower()
    if len(plain) <= 32 and plain and all(c in "0123456789abcdef" for c in plain):  # noqa: PLR2004 - 128 bits
        return plain.rjust(32, "0")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _span_id(span: Span, number: str) -> str:
    return hashlib.md5(f"{span.trace}/{number}".encode(), usedforsecurity=False).hexdigest()[:16] if number else ""


def _within(spans: Iterable[Span], start: float | None, end: float | None) -> bool:
    first = min(span.start for span in spans)
    return (start is None or first >= start) and (end is None or first <= end)


def _summary(number: str, own: Sequence[Span], matched: Sequence[Span]) -> Mapping[str, Any]:
    root = min(own, key=lambda span: (span.parent != "", span.start))
    last = max(span.start + span.seconds for span in own)
    shown = [
        {
            "spanID": _span_id(span, span.id),
            "startTimeUnixNano": str(int(span.start * _NANOSECONDS)),
            "durationNanos": str(int(span.seconds * _NANOSECONDS)),
        }
        for span in matched[:_SPANS_SHOWN]
    ]
    return {
        "traceID": number,
        "rootServiceName": root.service,
        "rootTraceName": root.name,
        "startTimeUnixNano": str(int(root.start * _NANOSECONDS)),
        "durationMs": int((last - root.start) * 1000),
        "spanSets": [{"spans": shown, "matched": len(matched)}],
    }


def _batches(own: Sequence[Span]) -> Iterable[Mapping[str, Any]]:
    by_service: dict[str, list[Span]] = {}
    for span in own:
        by_service.setdefault(span.service, []).append(span)
    for service, spans in by_service.items():
        yield {
            "resource": {"attributes": [_attribute("service.name", service)]},
            "scopeSpans": [{"scope": {"name": "recorded"}, "spans": [_otlp(span) for span in spans]}],
        }


def _otlp(span: Span) -> Mapping[str, Any]:
    end = span.start + span.seconds
    message = span.attributes.get("exception.message", "") if span.error else ""
    status = {"code": "STATUS_CODE_ERROR", "message": message} if span.error else {}
    return {
        "traceId": trace_id(span.trace),
        "spanId": _span_id(span, span.id),
        "parentSpanId": _span_id(span, span.parent),
        "name": span.name,
        "kind": f"SPAN_KIND_{span.kind.upper()}",
        "startTimeUnixNano": str(int(span.start * _NANOSECONDS)),
        "endTimeUnixNano": str(int(end * _NANOSECONDS)),
        "attributes": [_attribute(name, text) for name, text in span.attributes.items()],
        "status": status,
    }


def _attribute(name: str, text: str) -> Mapping[str, Any]:
    return {"key": name, "value": {"stringValue": text}}
