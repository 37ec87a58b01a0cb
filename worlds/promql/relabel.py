"""`label_replace` and `label_join`: they change labels and leave values alone."""

import re
from collections.abc import Sequence

from worlds.promql.errors import ExecutionError
from worlds.promql.frame import Frame, join_equal_rows
from worlds.promql.labels import Labels

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")


def label_replace(frame: Frame, target: str, replacement: str, source: str, pattern: str) -> Frame:
    """Set `target` to the expanded `replacement` where `pattern` matches all of `source`'s value."""
    try:
        regex = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from error
    _check_name(target, "label_replace")
    return _relabelled(frame, [_replaced(one, target, replacement, source, regex) for one in frame.labels])


def label_join(frame: Frame, target: str, separator: str, sources: Sequence[str]) -> Frame:
    """Set `target` to the values of the source labels, joined."""
    for name in (target, *sources):
        _check_name(name, "label_join")
    joined = (separator.join(one.get(source, "") for source in sources) for one in frame.labels)
    return _relabelled(frame, [_with(one, target, value) for one, value in zip(frame.labels, joined, strict=True)])


def _replaced(labels: Labels, target: str, replacement: str, source: str, regex: re.Pattern[str]) -> Labels:
    match = regex.fullmatch(labels.get(source, ""))
    return labels if match is None else _with(labels, target, _expand(replacement, match))


def _expand(template: str, match: re.Match[str]) -> str:
    """Expand Go's `$1`, `${1}`, `$name` and `$$`; an unknown group is empty."""

    def one(reference: re.Match[str]) -> str:
        dollar, braced, bare = reference.groups()
        if dollar:
            return "$"
        name = braced or bare
        try:
            return match.group(int(name) if name.isdecimal() else name) or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(one, template)


def _with(labels: Labels, name: str, value: str) -> Labels:
    changed = {**labels, name: value}
    return {key: text for key, text in changed.items() if text}


def _check_name(name: str, function: str) -> None:
    if not _LABEL_NAME.fullmatch(name):
        raise ExecutionError(f"invalid destination label name in {function}(): {name}")


def _relabelled(frame: Frame, labels: Sequence[Labels]) -> Frame:
    return join_equal_rows(Frame(labels=labels, values=frame.values, present=frame.present))
