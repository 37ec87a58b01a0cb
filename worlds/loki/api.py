"""Loki's HTTP API as one application that can be served under any prefix."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from worlds.instances import Bound, instance
from worlds.loki.engine import Answer, LogEngine, StreamsResult
from worlds.loki.errors import LogQLError
from worlds.loki.parameters import Parameters, Window, parameters_of
from worlds.loki.parser import parse_selector
from worlds.loki.storage import Direction, LogStorage
from worlds.promql.labels import Labels, key_of, labels_of
from worlds.promql.number import format_value
from worlds.promql.result import MatrixResult
from worlds.promql.storage import Matcher
from worlds.sources import plain_application
from worlds.written import JsonAnswer

VERSION = "3.0.0"

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


def app(storage: LogStorage, now: Callable[[], datetime]) -> ASGIApp:
    """Return the application: queries, labels, series, readiness; `now` gives the default time."""
    return Bound(_shared(), _Api(engine=LogEngine(storage=storage), now=now))


@cache
def _shared() -> Starlette:
    handlers = (
        ("/loki/api/v1/query_range", _Api.query_range),
        ("/loki/api/v1/query", _Api.query),
        ("/loki/api/v1/labels", _Api.labels),
        ("/loki/api/v1/label", _Api.labels),
        ("/loki/api/v1/label/{name}/values", _Api.label_values),
        ("/loki/api/v1/series", _Api.series),
        ("/loki/api/v1/index/stats", _Api.index_stats),
        ("/loki/api/v1/status/buildinfo", _Api.build_info),
        ("/ready", _Api.ready),
    )
    both = ["GET", "POST"]
    return plain_application(Route(path, _plain_errors(handler), methods=both) for path, handler in handlers)


def _plain_errors(
    handler: Callable[["_Api", Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Ask the API that a request is for, and turn our errors into Loki's: status 400 and plain text."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(instance(_Api, request), request)
        except LogQLError as error:
            return PlainTextResponse(str(error), status_code=400)

    return answer


@dataclass(frozen=True, kw_only=True)
class _Api:
    engine: LogEngine
    now: Callable[[], datetime]

    async def query_range(self, request: Request) -> Response:
        parameters = await self._read(request)
        window = parameters.window()
        answer = self.engine.range(
            parameters.query(),
            start_ns=window.start_ns,
            end_ns=window.end_ns,
            step_ns=parameters.step_ns(window),
            limit=parameters.limit(),
            direction=parameters.direction(),
        )
        return _answered(answer)

    async def query(self, request: Request) -> Response:
        parameters = await self._read(request)
        return _answered(self.engine.instant(parameters.query(), at_ns=parameters.at_ns()))

    async def labels(self, request: Request) -> Response:
        streams = self._streams(await self._read(request))
        return _success(sorted({name for labels in streams for name in labels}))

    async def label_values(self, request: Request) -> Response:
        name = request.path_params["name"]
        streams = self._streams(await self._read(request))
        return _success(sorted({labels[name] for labels in streams if name in labels}))

    async def series(self, request: Request) -> Response:
        parameters = await self._read(request)
        selectors = [*parameters.all("match[]"), *parameters.all("match")]
        if not selectors:
            raise LogQLError("0 matcher groups: at least one match[] is needed")
        window = parameters.window()
        found = {key_of(one) for text in selectors for one in self._matching(parse_selector(text), window)}
        return _success([labels_of(key) for key in sorted(found)])

    async def index_stats(self, request: Request) -> Response:
        parameters = await self._read(request)
        window, matchers = parameters.window(), parse_selector(parameters.query())
        entries = list(
            self.engine.storage.select(
                matchers, start_ns=window.start_ns, end_ns=window.end_ns, limit=None, direction=Direction.FORWARD
            )
        )
        streams = len({key_of(entry.labels) for entry in entries})
        size = sum(len(entry.line.encode()) for entry in entries)
        return JsonAnswer({"streams": streams, "chunks": streams, "bytes": size, "entries": len(entries)})

    async def build_info(self, _request: Request) -> Response:
        return JsonAnswer({"version": VERSION, "revision": "", "branch": "HEAD", "buildDate": "", "goVersion": ""})

    async def ready(self, _request: Request) -> Response:
        return PlainTextResponse("ready\n")

    async def _read(self, request: Request) -> Parameters:
        return await parameters_of(request, now=self.now())

    def _streams(self, parameters: Parameters) -> Sequence[Labels]:
        query = parameters.first("query")
        return self._matching(parse_selector(query) if query else (), parameters.window())

    def _matching(self, matchers: Sequence[Matcher], window: Window) -> Sequence[Labels]:
        return self.engine.storage.streams(matchers, start_ns=window.start_ns, end_ns=window.end_ns)


def _answered(answer: Answer) -> JsonAnswer:
    if isinstance(answer, StreamsResult):
        shown: list[Json] = [
            {"stream": dict(one.labels), "values": [[str(ns), line] for ns, line in one.lines]}
            for one in answer.streams
        ]
        returned = sum(len(one.lines) for one in answer.streams)
        stats = _stats(lines=answer.lines_read, size=answer.bytes_read, returned=returned)
        return _success({"resultType": "streams", "result": shown, "stats": stats})
    if isinstance(answer, MatrixResult):
        runs: list[Json] = [
            {
                "metric": dict(run.labels),
                "values": [[_seconds(time), format_value(value)] for time, value in run.points],
            }
            for run in answer.runs
        ]
        return _success({"resultType": "matrix", "result": runs, "stats": _stats(returned=len(runs))})
    samples: list[Json] = [
        {"metric": dict(one.labels), "value": [_seconds(one.time), format_value(one.value)]} for one in answer.samples
    ]
    return _success({"resultType": "vector", "result": samples, "stats": _stats(returned=len(samples))})


def _stats(*, returned: int, lines: int = 0, size: int = 0) -> Json:
    """Return the part of Loki's statistics that clients look at; times are zero in a world."""
    chunks: dict[str, Json] = {
        "headChunkBytes": 0,
        "headChunkLines": 0,
        "decompressedBytes": size,
        "decompressedLines": lines,
        "compressedBytes": size,
        "totalDuplicates": 0,
    }
    store: dict[str, Json] = {
        "totalChunksRef": 0,
        "totalChunksDownloaded": 0,
        "chunksDownloadTime": 0,
        "chunk": chunks,
    }
    return {
        "summary": {
            "bytesProcessedPerSecond": 0,
            "linesProcessedPerSecond": 0,
            "totalBytesProcessed": size,
            "totalLinesProcessed": lines,
            "execTime": 0.0,
            "queueTime": 0.0,
            "subqueries": 0,
            "totalEntriesReturned": returned,
        },
        "querier": {"store": store},
        "ingester": {
            "totalReached": 0,
            "totalChunksMatched": 0,
            "totalBatches": 0,
            "totalLinesSent": 0,
            "store": store,
        },
    }


def _success(data: Json) -> JsonAnswer:
    return JsonAnswer({"status": "success", "data": data})


def _seconds(time: float) -> float:
    """Keep milliseconds, and write whole seconds as integers."""
    rounded = round(time, 3)
    return int(rounded) if rounded.is_integer() else rounded
