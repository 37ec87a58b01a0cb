"""Tempo's HTTP API as one application: search by TraceQL, single traces in OTLP's JSON, readiness."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import PlainTextResponse
from starlette.types import ASGIApp

from worlds.instances import Bound, endpoint
from worlds.recorded.recording import Span
from worlds.sources import application
from worlds.traces.storage import Spans, trace_id
from worlds.traces.traceql import TraceQLError, parse

_NANOSECONDS = 1_000_000_000
_TRACE_ID = re.compile("[0-9a-fA-F]{1,32}")
_SPANS_SHOWN = 3
"""Spans of a trace that a search shows unless it asks for more (Tempo's default of `spss`)."""


def app(spans: Spans) -> ASGIApp:
    """Return the application over these spans."""
    return Bound(_shared(), _Store(spans))


@cache
def _shared() -> FastAPI:
    routes = application()
    for path, handler in (
        ("/api/search", endpoint(_Store, _Store.search)),
        ("/api/traces/{number}", endpoint(_Store, _Store.trace)),
        ("/api/v2/traces/{number}", endpoint(_Store, _Store.trace_v2)),
        ("/api/search/tags", endpoint(_Store, _Store.tags)),
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
    """What is asked of the spans."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    async def search(
        self,
        q: str = "{}",
        start: float | None = None,
        end: float | None = None,
        limit: Annotated[int, Query(ge=1)] = 20,
    ) -> Mapping[str, Any]:
        """GET /api/search, newest traces first."""
        try:
            found = self._spans.search(parse(q), start=start, end=end, limit=limit)
        except TraceQLError as error:
            raise HTTPException(400, f"invalid TraceQL query: {error}") from error
        traces = [_summary(one.number, one.spans, one.matched) for one in found]
        return {"traces": traces, "metrics": {"inspectedTraces": len(traces), "completedJobs": 1}}

    async def trace(self, number: str) -> Mapping[str, Any]:
        """GET /api/traces/ID."""
        if not _TRACE_ID.fullmatch(number):
            raise HTTPException(400, "trace IDs can only contain hex characters, at most 32")
        own = self._spans.trace(number.lower().lstrip("0").rjust(32, "0"))
        if not own:
            raise HTTPException(404, "trace not found")
        return {"batches": list(_batches(own))}

    async def trace_v2(self, number: str) -> Mapping[str, Any]:
        """GET /api/v2/traces/ID."""
        found = await self.trace(number)
        return {"trace": {"resourceSpans": found["batches"]}, "metrics": {}}

    async def tags(self) -> Mapping[str, Any]:
        """GET /api/search/tags."""
        return {"tagNames": sorted({"service.name", *self._spans.names()})}


def _span_id(span: Span, number: str) -> str:
    return hashlib.md5(f"{span.trace}/{number}".encode(), usedforsecurity=False).hexdigest()[:16] if number else ""


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
    by_service: dict[tuple[str, str], list[Span]] = {}
    for span in own:
        by_service.setdefault((span.service, span.namespace), []).append(span)
    for (service, namespace), spans in by_service.items():
        about = {"service.name": service} | ({"k8s.namespace.name": namespace} if namespace else {})
        yield {
            "resource": {"attributes": [_attribute(name, text) for name, text in about.items()]},
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
