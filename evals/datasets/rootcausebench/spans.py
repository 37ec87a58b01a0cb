"""Traces of a case as spans with their kind: who called whom can be read off parents of other services."""

from collections.abc import Iterator

from evals.datasets.rootcausebench.files import Files, SpanRecord, seconds
from worlds.recorded.recording import Span

_MESSAGES = ("error", "status_message", "error.message", "exception.message")


def spans(files: Files) -> Iterator[Span]:
    """All spans. A trace id that names no trace of its own continues the one before it in the file."""
    known: dict[tuple[str, str], SpanRecord] = {}
    trace = ""
    for one in files.spans:
        own = one.trace_id if _is_id(one.trace_id) else trace
        if one.parent_id and (own, one.parent_id) not in known and (trace, one.parent_id) in known:
            own = trace
        trace = own or one.span_id
        known[trace, one.span_id] = one
        parent = known.get((trace, one.parent_id or ""))
        yield Span(
            trace=trace,
            id=one.span_id,
            parent=one.parent_id or "",
            service=one.service,
            name=one.name,
            kind="internal" if parent is not None and parent.service == one.service else "server",
            start=seconds(one.start),
            seconds=one.duration_ms / 1000,
            error=one.status.upper() not in {"OK", "UNSET", "STATUS_CODE_OK", ""},
            attributes=_attributes(one),
        )


def _is_id(text: str) -> bool:
    return len(text) >= 16  # noqa: PLR2004 - trace ids have 32 hexadecimal digits, old ones 16


def _attributes(one: SpanRecord) -> dict[str, str]:
    extra = dict(one.model_extra or {})
    nested = extra.pop("attributes", None)
    flat = {**extra, **(nested if isinstance(nested, dict) else {})}
    found = {key: str(value) for key, value in flat.items() if isinstance(value, str | int | float | bool)}
    said = next((found[key] for key in _MESSAGES if key in found), "")
    return {**found, "exception.message": said} if said else found
