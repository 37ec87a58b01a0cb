"""Talks to Loki. The only place that knows its HTTP API."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import Field

from incidents.evidence import Window
from incidents.value import Value
from tools.estate import Endpoint
from tools.http import HttpClient
from tools.loki.line import LogLine, line_of
from tools.wire import Wire

SYSTEM = "Loki"
NANOSECONDS = 1_000_000_000
_LEVEL_LABELS = ("level", "detected_level", "severity")


class LogAnswer(Value):
    """Lines in the order of time. `more` says that the limit cut some off."""

    lines: tuple[LogLine, ...]
    more: bool = False
    notes: tuple[str, ...] = ()


class _Stream(Wire):
    stream: dict[str, str] = {}
    values: list[Annotated[tuple[str, str] | tuple[str, str, object], Field(union_mode="left_to_right")]] = []


class _Data(Wire):
    resultType: str  # noqa: N815 - the wire's name
    result: list[_Stream] = []


class _Answer(Wire):
    data: _Data
    warnings: tuple[str, ...] | None = None


class LokiClient:
    """Reads one Loki."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def lines(
        self, logql: str, *, window: Window, limit: int, direction: Literal["forward", "backward"]
    ) -> LogAnswer:
        """Lines of a log query. `backward` takes those nearest the window's end when there are more than `limit`."""
        params: Mapping[str, str | int] = {
            "query": logql,
            "start": _nanoseconds(window.start),
            "end": _nanoseconds(window.end),
            "limit": limit,
            "direction": direction,
        }
        answer = await self.http.get("/loki/api/v1/query_range", _Answer, params=params)
        found = [line for stream in answer.data.result for line in _lines(stream)]
        found.sort(key=attrgetter("at"))
        return LogAnswer(lines=tuple(found), more=len(found) >= limit, notes=tuple(answer.warnings or ()))

    def describe(self, logql: str, *, window: Window, limit: int) -> str:
        """The query as evidence names it."""
        return f"{logql} from {window.start.isoformat()} to {window.end.isoformat()} limit {limit}"


def _lines(stream: _Stream) -> Iterator[LogLine]:
    labels = stream.stream
    level = next((labels[name] for name in _LEVEL_LABELS if name in labels), "")
    pod, container = labels.get("pod", ""), labels.get("container", "")
    for value in stream.values:
        at = datetime.fromtimestamp(int(value[0]) / NANOSECONDS, tz=UTC)
        yield line_of(value[1], at=at, pod=pod, container=container, label=level)


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000) * 1_000_000
