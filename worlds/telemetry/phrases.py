"""What applications write: lines by language, for requests, for trouble, for start and stop. No line names a cause."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple

from worlds.scenario.workload import Workload

# Their lines bear the number of a thread or process, for which a draw is wanted.
NUMBERED = frozenset({"java", "nginx", "postgres"})
# Their lines are JSON, which bears the extras of a phrase.
STRUCTURED = frozenset({"go", "node"})

_NODE_LEVELS = {"debug": 20, "info": 30, "warn": 40, "error": 50, "fatal": 60}
_POSTGRES_LEVELS = {"info": "LOG", "warn": "WARNING", "error": "ERROR", "fatal": "FATAL"}
_REDIS_SIGNS = {"warn": "#", "error": "#", "fatal": "#"}
_MINUTES_KEPT = 4096


class Phrase(NamedTuple):
    """A line before it gets its form. `logger` is a class or module, `fields` are structured extras."""

    level: str
    text: str
    logger: str = "http"
    fields: Mapping[str, str | int | float] | None = None


def write(workload: Workload, phrase: Phrase, *, at: float, draw: float) -> str:
    """Give a phrase the form that the workload's language uses. `draw` in [0, 1) picks thread numbers and the like."""
    return _FORMS.get(workload.language, _plain)(workload, phrase, at, draw)


def _java(workload: Workload, phrase: Phrase, at: float, draw: float) -> str:
    thread = f"[nio-{workload.port or 8080}-exec-{int(draw * 40) + 1}]"
    logger = f"c.{workload.team}.{workload.name}.{_camel(phrase.logger)}"
    return f"{_stamp(at, '%Y-%m-%dT%H:%M:', '.')}Z {phrase.level.upper():>5} 1 --- {thread} {logger} : {phrase.text}"


def _node(workload: Workload, phrase: Phrase, at: float, _draw: float) -> str:
    level, name = _NODE_LEVELS.get(phrase.level, 30), quoted(workload.name)
    head = f'{{"level": {level}, "time": {int(at * 1000)}, "pid": 1, "name": {name}'
    return f'{head}{_extras(phrase)}, "msg": {quoted(phrase.text)}}}'


def _python(_workload: Workload, phrase: Phrase, at: float, _draw: float) -> str:
    level = phrase.level.upper().replace("WARN", "WARNING")
    return f"{_stamp(at, '%Y-%m-%d %H:%M:', ',')} {level:<7} app.{phrase.logger} {phrase.text}"


def _postgres(_workload: Workload, phrase: Phrase, at: float, draw: float) -> str:
    word = _POSTGRES_LEVELS.get(phrase.level, "LOG")
    return f"{_stamp(at, '%Y-%m-%d %H:%M:', '.')} UTC [{int(draw * 900) + 40}] {word}:  {phrase.text}"


def _redis(_workload: Workload, phrase: Phrase, at: float, _draw: float) -> str:
    return f"1:M {_stamp(at, '%d %b %Y %H:%M:', '.')} {_REDIS_SIGNS.get(phrase.level, '*')} {phrase.text}"


def _nginx(_workload: Workload, phrase: Phrase, at: float, draw: float) -> str:
    second, _ = _parted(at)
    stamp = f"{_minute(second // 60, '%Y/%m/%d %H:%M:')}{second % 60:02d}"
    return f"{stamp} [{phrase.level}] {int(draw * 30) + 20}#0: {phrase.text}"


def _plain(_workload: Workload, phrase: Phrase, at: float, _draw: float) -> str:
    said = f'"level": {quoted(phrase.level.upper())}, "msg": {quoted(phrase.text)}, "logger": {quoted(phrase.logger)}'
    return f'{{"time": "{_stamp(at, "%Y-%m-%dT%H:%M:", ".")}Z", {said}{_extras(phrase)}}}'


_FORMS: Mapping[str, Callable[[Workload, Phrase, float, float], str]] = {
    "java": _java,
    "node": _node,
    "python": _python,
    "postgres": _postgres,
    "redis": _redis,
    "nginx": _nginx,
}


def _extras(phrase: Phrase) -> str:
    """Write the extras as members that follow others, as `json.dumps` would: it takes ten times as long.

    Names of fields are plain words, numbers are finite.
    """
    if not phrase.fields:
        return ""
    said = [f', "{key}": {quoted(one) if isinstance(one, str) else repr(one)}' for key, one in phrase.fields.items()]
    return "".join(said)


def _stamp(at: float, form: str, point: str) -> str:
    """Write a time to the millisecond: `form` says how its minute is written, `point` what follows the second."""
    second, millisecond = _parted(at)
    return f"{_minute(second // 60, form)}{second % 60:02d}{point}{millisecond:03d}"


def _parted(at: float) -> tuple[int, int]:
    """Return the whole seconds and milliseconds of a time, which is rounded to microseconds as datetime rounds it."""
    part, whole = math.modf(at)
    microseconds = round(part * 1_000_000)
    return (int(whole), microseconds // 1000) if microseconds < 1_000_000 else (int(whole) + 1, 0)  # noqa: PLR2004


@lru_cache(maxsize=_MINUTES_KEPT)
def _minute(minute: int, form: str) -> str:
    """Write a minute since 1970. Kept: many lines are written in each."""
    return datetime.fromtimestamp(minute * 60, tz=UTC).strftime(form)


@lru_cache(maxsize=64)
def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def request_line(workload: Workload, *, route: str, status: int, milliseconds: float, trace: str) -> Phrase:
    """One request in the access log. `trace` is said only where lines are structured."""
    level = "error" if status >= 500 else "info"  # noqa: PLR2004 - HTTP's server errors
    match workload.language:
        case "postgres":
            text = f"duration: {milliseconds:.3f} ms  execute <unnamed>: SELECT 1"
            return Phrase(level="info", text=text, logger="db")
        case "redis":
            return Phrase(level="info", text="DB saved on disk", logger="db")
        case "java" | "python":
            return Phrase(level, f"GET {route} {status} {milliseconds:.0f}ms", "access")
        case _:
            fields: dict[str, str | int | float] = {
                "method": "GET",
                "path": route,
                "status": status,
                "duration_ms": round(milliseconds, 1),
                "trace_id": trace,
            }
            return Phrase(level, "request", "access", fields)


def starting_lines(workload: Workload, *, version: str) -> list[Phrase]:
    """What a process writes when it starts."""
    match workload.language:
        case "postgres":
            return [
                Phrase(level="info", text="database system was shut down"),
                Phrase(level="info", text="database system is ready to accept connections"),
            ]
        case "redis":
            return [
                Phrase(level="info", text="Server initialized"),
                Phrase(level="info", text="Ready to accept connections tcp"),
            ]
        case "java":
            return [
                Phrase(
                    level="info",
                    text=f"Starting {workload.name} v{version} using Java 21.0.5 with PID 1",
                    logger="application",
                ),
                Phrase(level="info", text=f"Tomcat started on port {workload.port} (http)", logger="application"),
                Phrase(level="info", text=f"Started in {workload.behaviour.startup:.1f} seconds", logger="application"),
            ]
        case _:
            return [
                Phrase(level="info", text=f"starting {workload.name}", logger="main", fields={"version": version}),
                Phrase(level="info", text="configuration loaded", logger="config"),
                Phrase(level="info", text=f"listening on :{workload.port}", logger="main"),
            ]


def _pick(draw: float, words: tuple[str, ...]) -> str:
    return words[int(draw * len(words)) % len(words)]


def overload(workload: Workload, *, draw: float) -> Phrase:
    """A request was turned away."""
    text = {
        "java": "Request rejected: thread pool exhausted (active=200, queued=100)",
        "node": "request rejected: too many pending requests",
        "python": "worker pool saturated, returning 503",
    }.get(workload.language, "rejecting request: concurrency limit reached")
    return Phrase(level=_pick(draw, ("error", "error", "warn")), text=text, logger="server", fields={"status": 503})


def memory_tight(workload: Workload, *, draw: float) -> Phrase:
    """The process is busy collecting garbage."""
    text = {
        "java": f"GC pause (G1 Evacuation Pause) took {240 + draw * 900:.0f}ms, heap after collection above 95%",
        "node": f"event loop lag {180 + draw * 700:.0f}ms",
        "python": f"request took {1.1 + draw * 3:.1f}s, slow response",
    }.get(workload.language, f"slow request: {400 + draw * 1200:.0f}ms")
    return Phrase(level="warn", text=text, logger="runtime", fields={})


def call_failed(workload: Workload, *, callee: str, address: str, why: str, draw: float) -> Phrase:
    """A call to another service failed."""
    reason = why or _pick(draw, ("upstream returned 503", "connection reset by peer"))
    text = {
        "java": f"Call to {callee} failed: {reason}",
        "python": f"upstream call failed: {callee}: {reason}",
    }.get(workload.language, f"call {address}: {reason}")
    return Phrase(level="error", text=text, logger="client", fields={"peer": callee, "error": reason})


def unexpected(workload: Workload, *, draw: float) -> Phrase:
    """A request failed for no reason that the log explains."""
    text = {
        "java": "Unhandled exception while processing request",
        "python": "Exception on request",
    }.get(workload.language, "internal error")
    return Phrase(level="error", text=text, logger="handler", fields={"status": 500, "attempt": int(draw * 3) + 1})


_DRY = {
    "files": {
        "java": "java.net.SocketException: Too many open files",
        "python": "OSError: [Errno 24] Too many open files",
        "node": "Error: EMFILE: too many open files, open '/tmp/spool'",
        "": "accept4: too many open files",
    },
    "threads": {
        "java": "Task rejected from executor: thread pool exhausted (active=200, queued=100)",
        "python": "no free worker: all are busy since 60s",
        "": "rejecting request: no free worker",
    },
    "connections": {
        "java": "HikariPool-1 - Connection is not available, request timed out after 30000ms: pool exhausted",
        "python": "QueuePool limit of size 15 overflow 0 reached, connection timed out",
        "": "sql: connection pool exhausted: no free connection",
    },
}


def drained(workload: Workload, *, resource: str, draw: float) -> Phrase:
    """A request failed because the process has none left of something."""
    texts = _DRY[resource]
    fields: dict[str, str | int | float] = {"status": 500, "attempt": int(draw * 3) + 1}
    return Phrase(level="error", text=texts.get(workload.language, texts[""]), logger="runtime", fields=fields)
