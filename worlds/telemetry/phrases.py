"""What applications write: lines by language, for requests, for trouble, for start and stop. No line names a cause."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted

from worlds.scenario.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A line before it gets its form. `logger` is a class or module, `fields` are structured extras."""

    level: str
    text: str
    logger: str = "http"
    fields: Mapping[str, str | int | float] | None = None


def write(workload: Workload, phrase: Phrase, *, at: float, draw: float) -> str:  # noqa: PLR0911 - one per form
    """Give a phrase the form that the workload's language uses. `draw` in [0, 1) picks thread numbers and the like."""
    moment = datetime.fromtimestamp(at, tz=UTC)
    match workload.language:
        case "java":
            stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            thread = f"[nio-{workload.port or 8080}-exec-{int(draw * 40) + 1}]"
            logger = f"c.{workload.team}.{workload.name}.{_camel(phrase.logger)}"
            return f"{stamp} {phrase.level.upper():>5} 1 --- {thread} {logger} : {phrase.text}"
        case "node":
            levels = {"debug": 20, "info": 30, "warn": 40, "error": 50, "fatal": 60}
            body: dict[str, str | int | float] = {"level": levels.get(phrase.level, 30), "time": int(at * 1000)}
            body |= {"pid": 1, "name": workload.name}
            return _json({**body, **(phrase.fields or {}), "msg": phrase.text})
        case "python":
            stamp = moment.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
            return f"{stamp} {phrase.level.upper().replace('WARN', 'WARNING'):<7} app.{phrase.logger} {phrase.text}"
        case "postgres":
            stamp = moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            word = {"info": "LOG", "warn": "WARNING", "error": "ERROR", "fatal": "FATAL"}.get(phrase.level, "LOG")
            return f"{stamp} UTC [{int(draw * 900) + 40}] {word}:  {phrase.text}"
        case "redis":
            sign = {"warn": "#", "error": "#", "fatal": "#"}.get(phrase.level, "*")
            return f"1:M {moment.strftime('%d %b %Y %H:%M:%S.%f')[:-3]} {sign} {phrase.text}"
        case "nginx":
            return f"{moment.strftime('%Y/%m/%d %H:%M:%S')} [{phrase.level}] {int(draw * 30) + 20}#0: {phrase.text}"
        case _:
            stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            said = {"time": stamp, "level": phrase.level.upper(), "msg": phrase.text, "logger": phrase.logger}
            return _json({**said, **(phrase.fields or {})})


def _json(fields: Mapping[str, str | int | float]) -> str:
    """Write what `json.dumps` would: lines are made by the ten thousand, and a general encoder takes ten times as long.

    Names of fields are plain words, numbers are finite.
    """
    said = (f'"{name}": {quoted(value) if isinstance(value, str) else repr(value)}' for name, value in fields.items())
    return "{" + ", ".join(said) + "}"


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def request_line(workload: Workload, *, route: str, status: int, milliseconds: float, trace: str) -> Phrase:
    """One request in the access log."""
    if workload.language == "postgres":
        return Phrase(level="info", text=f"duration: {milliseconds:.3f} ms  execute <unnamed>: SELECT 1", logger="db")
    if workload.language == "redis":
        return Phrase(level="info", text="DB saved on disk", logger="db")
    text = f"GET {route} {status} {milliseconds:.0f}ms"
    fields: dict[str, str | int | float] = {
        "method": "GET",
        "path": route,
        "status": status,
        "duration_ms": round(milliseconds, 1),
        "trace_id": trace,
    }
    level = "error" if status >= 500 else "info"  # noqa: PLR2004 - HTTP's server errors
    return Phrase(
        level=level, text=text if workload.language in {"java", "python"} else "request", logger="access", fields=fields
    )


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
