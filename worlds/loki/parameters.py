"""How Loki's request parameters are read: times in three notations, durations, limits. Errors are LogQLError."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from re import fullmatch, sub
from urllib.parse import parse_qsl

from starlette.requests import Request

from worlds.loki.errors import LogQLError
from worlds.loki.storage import Direction
from worlds.loki.units import seconds_of

NS = 1_000_000_000
_HOUR_NS = 3600 * NS
_DEFAULT_LIMIT = 100
_MOST_ENTRIES = 5000  # limits_config.max_entries_limit_per_query
_MOST_POINTS = 11_000
_DEFAULT_POINTS = 250  # a range query without a step is cut into so many
_SECONDS_DIGITS = 10  # an integer up to so many digits is unix seconds, a longer one nanoseconds


@dataclass(frozen=True, kw_only=True)
class Window:
    """A span of time in unix nanoseconds."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The parameters of one request, and the time at which it was made."""

    pairs: Sequence[tuple[str, str]]
    now_ns: int

    def all(self, name: str) -> list[str]:
        """Return every value of a repeated parameter."""
        return [value for key, value in self.pairs if key == name]

    def first(self, name: str) -> str:
        """Return the first value, or ""."""
        return next(iter(self.all(name)), "")

    def query(self) -> str:
        """Return the query, which must be there."""
        if not self.first("query").strip():
            raise LogQLError("parse error : syntax error: unexpected $end")
        return self.first("query")

    def window(self) -> Window:
        """Return `start` and `end`; by default the hour, or `since`, before now."""
        end, start, since = (self.first(name) for name in ("end", "start", "since"))
        end_ns = _time(end) if end else self.now_ns
        default = end_ns - (duration_ns(since) if since else _HOUR_NS)
        start_ns = _time(start) if start else default
        if end_ns < start_ns:
            raise LogQLError("end timestamp must not be before or equal to start time")
        return Window(start_ns=start_ns, end_ns=end_ns)

    def at_ns(self) -> int:
        """Return `time`, by default now."""
        return _time(self.first("time")) if self.first("time") else self.now_ns

    def step_ns(self, window: Window) -> int:
        """Return the distance of steps, by default one that gives about 250."""
        text = self.first("step")
        span = window.end_ns - window.start_ns
        step = duration_ns(text) if text else max(1, math.floor(span / NS / _DEFAULT_POINTS)) * NS
        if step <= 0:
            raise LogQLError("zero or negative query resolution step widths are not accepted. Try a positive integer")
        if span / step > _MOST_POINTS:
            raise LogQLError(
                "exceeded maximum resolution of 11,000 points per time series. "
                "Try increasing the value of the step parameter"
            )
        return step

    def limit(self) -> int:
        """Return how many lines are wanted."""
        text = self.first("limit") or str(_DEFAULT_LIMIT)
        if not fullmatch(r"-?\d+", text):
            raise LogQLError(f'strconv.Atoi: parsing "{text}": invalid syntax')
        if int(text) <= 0:
            raise LogQLError("limit must be a positive value")
        if int(text) > _MOST_ENTRIES:
            raise LogQLError(
                f"max entries limit per query exceeded, limit > max_entries_limit ({text} > {_MOST_ENTRIES})"
            )
        return int(text)

    def direction(self) -> Direction:
        """Return the order of lines, by default newest first."""
        text = self.first("direction").lower() or Direction.BACKWARD.value
        if text not in set(Direction):
            raise LogQLError(f"invalid direction '{self.first('direction')}'")
        return Direction(text)


async def parameters_of(request: Request, *, now: datetime) -> Parameters:
    """Read a request's parameters, the urlencoded body of a POST included."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        pairs = [*parse_qsl((await request.body()).decode("utf-8", errors="replace")), *pairs]
    return Parameters(pairs=pairs, now_ns=round(now.timestamp() * 1_000_000) * 1000)


def duration_ns(text: str) -> int:
    """Read `30s` or a number of seconds."""
    try:
        return round(float(text) * NS)
    except ValueError:
        pass
    try:
        return round(seconds_of(text) * NS)
    except ValueError as error:
        raise LogQLError(f'cannot parse "{text}" to a valid duration') from error


def _time(text: str) -> int:
    """Read unix seconds, unix nanoseconds or RFC 3339, as Loki tells them apart."""
    if fullmatch(r"-?\d+", text):
        return int(text) * NS if len(text) <= _SECONDS_DIGITS else int(text)
    if fullmatch(r"-?\d+\.\d*", text):
        return round(float(text) * 1000) * 1_000_000
    try:
        moment = datetime.fromisoformat(sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError as error:
        raise LogQLError(f'could not parse start or end time: cannot parse "{text}"') from error
    return round(moment.timestamp() * 1_000_000) * 1000
