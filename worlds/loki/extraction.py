"""Reading labels out of log lines: JSON, logfmt, regular expressions with named groups, and Loki's patterns."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from worlds.promql.number import format_value

_NOT_IN_LABEL_NAMES = re.compile(r"[^a-zA-Z0-9_]")
_LOGFMT = re.compile(r"""([^\s="]+)(?:=("(?:[^"\\]|\\.)*"|[^\s"]*))?""")
_PATH_PART = re.compile(r"""\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\["([^"]*)"\]""")
_CAPTURE = re.compile(r"<(\w*)>")


class UnreadableLineError(ValueError):
    """The line is not in the format that the parser expects."""


def read_json(line: str) -> dict[str, str]:
    """Return the scalar fields of a JSON object; nested names are joined by `_`, lists left out."""
    return dict(_flat(_json_object(line), ""))


def read_json_fields(line: str, fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return only the named fields: pairs of label and path (`request.headers["x"]`)."""
    document = _json_object(line)
    return {name: _text(_follow(document, path)) for name, path in fields}


def read_logfmt(line: str) -> dict[str, str]:
    """Return the key=value pairs of a line; keys without a value are left out."""
    found: dict[str, str] = {}
    for key, value in _LOGFMT.findall(line):
        text = value[1:-1].replace('\\"', '"').replace("\\n", "\n") if value.startswith('"') else value
        if value:
            found.setdefault(_label_name(key), text)
    return found


def read_regex(line: str, pattern: re.Pattern[str]) -> dict[str, str]:
    """Return the named groups of the first match."""
    match = pattern.search(line)
    return {name: value for name, value in match.groupdict().items() if value is not None} if match else {}


def pattern_regex(pattern: str) -> re.Pattern[str]:
    """Turn `<ip> - <_> "<method> <path>"` into a regular expression. Raises ValueError without a named capture."""
    names = [name for name in _CAPTURE.findall(pattern) if name not in ("", "_")]
    if not names:
        raise ValueError("at least one capture is required")
    parts, position = [], 0
    for match in _CAPTURE.finditer(pattern):
        parts.append(re.escape(pattern[position : match.start()]))
        name = match.group(1)
        parts.append("(?:.*?)" if name in ("", "_") else f"(?P<{name}>.*?)")
        position = match.end()
    tail = re.escape(pattern[position:])
    return re.compile("".join(parts) + (tail or "$"), re.DOTALL)


def _json_object(line: str) -> Mapping[str, object]:
    try:
        document = json.loads(line)
    except json.JSONDecodeError as error:
        raise UnreadableLineError(str(error)) from error
    if not isinstance(document, dict):
        raise UnreadableLineError("Value looks like object, but can't find closing '}' symbol")
    return document


def _flat(document: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        name = prefix + _label_name(key)
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}_")
        elif not isinstance(value, list):
            yield name, _text(value)


def _follow(document: object, path: str) -> object:
    here = document
    for name, index, quoted in _PATH_PART.findall(path):
        if index:
            here = here[int(index)] if isinstance(here, list) and int(index) < len(here) else None
        else:
            here = here.get(quoted or name) if isinstance(here, Mapping) else None
    return here


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case float():
            return format_value(value)
        case _:
            return json.dumps(value, separators=(",", ":"))


def _label_name(key: str) -> str:
    name = _NOT_IN_LABEL_NAMES.sub("_", key)
    return f"_{name}" if name[:1].isdigit() else name
