"""/api/v1/query and /api/v1/query_range, and what describes the stored series: series, labels, values, metadata."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from re import fullmatch

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worlds.prometheus.answers import ApiError, ErrorType, Parameters, answering, parameters_of, success
from worlds.prometheus.encoding import encode_result
from worlds.prometheus.moments import invalid, read_duration, read_time
from worlds.promql.engine import Engine
from worlds.promql.errors import ParseError
from worlds.promql.labels import key_of, labels_of
from worlds.promql.parsing import selector_matchers
from worlds.promql.storage import Matcher, label_sets

_MOST_POINTS = 11_000  # web/api/v1/api.go: enough for 60 s resolution over a week, or 1 h over a year
_DEFAULT_HISTORY_SECONDS = 86_400.0  # metadata queries without a start look this far back

Now = Callable[[], datetime]


def routes(engine: Engine, now: Now) -> list[Route]:
    """Return the routes that read samples and labels; `now` gives the default time."""
    queries = _Queries(engine=engine, now=now)
    both = (
        ("/api/v1/query_range", queries.over_range),
        ("/api/v1/query", queries.instant),
        ("/api/v1/series", queries.series),
        ("/api/v1/labels", queries.labels),
        ("/api/v1/query_exemplars", queries.exemplars),
    )
    reads = (("/api/v1/label/{name}/values", queries.label_values), ("/api/v1/metadata", queries.metadata))
    return [
        *(Route(path, answering(handler), methods=["GET", "POST"]) for path, handler in both),
        *(Route(path, answering(handler), methods=["GET"]) for path, handler in reads),
    ]


@dataclass(frozen=True, kw_only=True)
class _Queries:
    engine: Engine
    now: Now

    async def instant(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        at = read_time(parameters.first("time"), name="time", default=self._now())
        return success(encode_result(self.engine.instant(_query(parameters), at=at)))

    async def over_range(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        start = read_time(parameters.first("start"), name="start")
        end = read_time(parameters.first("end"), name="end")
        if end < start:
            raise invalid("end", "end timestamp must not be before start time")
        step = _step(parameters.first("step"))
        if (end - start) / step > _MOST_POINTS:
            raise ApiError(
                ErrorType.BAD_DATA,
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)",
            )
        return success(encode_result(self.engine.range(_query(parameters), start=start, end=end, step=step)))

    async def series(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        selectors = _selectors(parameters)
        if not selectors:
            raise ApiError(ErrorType.BAD_DATA, "no match[] parameter provided")
        start, end = self._window(parameters)
        found = {
            key_of(labels)
            for matchers in selectors
            for labels in label_sets(self.engine.storage.select(matchers, start=start, end=end))
        }
        return success([labels_of(key) for key in sorted(found)])

    async def labels(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        start, end = self._window(parameters)
        names: set[str] = set()
        for matchers in _selectors(parameters) or [[]]:
            names.update(self.engine.storage.label_names(matchers, start=start, end=end))
        return success(sorted(names))

    async def label_values(self, request: Request) -> Response:
        name = str(request.path_params["name"])
        if not fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise ApiError(ErrorType.BAD_DATA, f'invalid label name: "{name}"')
        parameters = await parameters_of(request)
        start, end = self._window(parameters)
        values: set[str] = set()
        for matchers in _selectors(parameters) or [[]]:
            values.update(self.engine.storage.label_values(name, matchers, start=start, end=end))
        return success(sorted(values))

    async def metadata(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        wanted, limit = parameters.first("metric"), parameters.first("limit")
        if limit and not fullmatch(r"-?\d+", limit):
            raise ApiError(ErrorType.BAD_DATA, "limit must be a number")
        names = [name for name in sorted(self.engine.storage.metadata()) if wanted in ("", name)]
        kept = names[: int(limit)] if limit and int(limit) > 0 else names
        return success({name: [asdict(self.engine.storage.metadata()[name])] for name in kept})

    async def exemplars(self, request: Request) -> Response:
        _query(await parameters_of(request))
        return success([])

    def _now(self) -> float:
        return self.now().timestamp()

    def _window(self, parameters: Parameters) -> tuple[float, float]:
        end = read_time(parameters.first("end"), name="end", default=self._now())
        return read_time(parameters.first("start"), name="start", default=end - _DEFAULT_HISTORY_SECONDS), end


def _query(parameters: Parameters) -> str:
    query = parameters.first("query")
    if not query.strip():
        raise ParseError("unknown position: parse error: no expression found in input")
    return query


def _step(text: str) -> float:
    step = read_duration(text, name="step")
    if step <= 0:
        raise invalid("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    return step


def _selectors(parameters: Parameters) -> list[list[Matcher]]:
    try:
        return [selector_matchers(text) for text in parameters.all("match[]")]
    except ParseError as error:
        raise invalid("match[]", str(error)) from error
