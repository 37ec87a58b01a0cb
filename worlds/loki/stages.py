"""What a pipeline does to a log line: filters drop it, parsers read labels out of it, formats rewrite it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from worlds.loki import extraction
from worlds.loki.conditions import ERROR_LABEL, Condition
from worlds.promql.storage import MatchOp

Line: TypeAlias = tuple[str, Mapping[str, str]]
_REFERENCE = re.compile(r"\{\{\s*(?:\.(\w+)|__line__|(__timestamp__))\s*\}\}")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Stage(Protocol):
    """One step of a pipeline."""

    def apply(self, line: str, labels: Mapping[str, str]) -> Line | None:
        """Return the line and labels for the next step, or None to drop the line."""
        ...


@dataclass(frozen=True, kw_only=True)
class LineFilter:
    """`|= "a" or "b"`, `!=`, `|~`, `!~`: with several texts, any one passes (or, negated, drops) the line."""

    negated: bool
    patterns: tuple[str | re.Pattern[str], ...]

    def apply(self, line: str, labels: Mapping[str, str]) -> Line | None:
        """Keep or drop."""
        found = any(one in line if isinstance(one, str) else one.search(line) is not None for one in self.patterns)
        return None if found == self.negated else (line, labels)


@dataclass(frozen=True, kw_only=True)
class Parser:
    """`| json`, `| logfmt`, `| regexp`, `| pattern`: what `read` finds becomes labels; `failure` names the error."""

    read: Callable[[str], Mapping[str, str]]
    failure: str

    def apply(self, line: str, labels: Mapping[str, str]) -> Line:
        """Add the labels found; a name that exists already gets the suffix `_extracted`."""
        try:
            found = self.read(line)
        except extraction.UnreadableLineError as error:
            return line, {**labels, ERROR_LABEL: self.failure, f"{ERROR_LABEL}details__": str(error)}
        merged = dict(labels)
        for name, value in found.items():
            merged[f"{name}_extracted" if name in labels else name] = value
        return line, merged


@dataclass(frozen=True, kw_only=True)
class LabelFilter:
    """`| status >= 500 and method = "GET"`."""

    condition: Condition

    def apply(self, line: str, labels: Mapping[str, str]) -> Line | None:
        """Keep or drop; a line whose value cannot be compared is kept and marked, as Loki does."""
        try:
            return (line, labels) if self.condition.holds(labels) else None
        except ValueError as error:
            return line, {**labels, ERROR_LABEL: "LabelFilterErr", f"{ERROR_LABEL}details__": str(error)}


@dataclass(frozen=True, kw_only=True)
class LineFormat:
    """`| line_format "{{.method}} {{.path}}"`."""

    template: str

    def apply(self, line: str, labels: Mapping[str, str]) -> Line:
        """Rewrite the line."""
        return _filled(self.template, line, labels), labels


@dataclass(frozen=True, kw_only=True)
class LabelFormat:
    """`| label_format a=b, c="{{.d}}"`: renames or fills in labels."""

    renames: tuple[tuple[str, str], ...]
    templates: tuple[tuple[str, str], ...]

    def apply(self, line: str, labels: Mapping[str, str]) -> Line:
        """Change the labels."""
        changed = dict(labels)
        for name, source in self.renames:
            if source in changed:
                changed[name] = changed.pop(source)
        for name, template in self.templates:
            changed[name] = _filled(template, line, labels)
        return line, changed


@dataclass(frozen=True, kw_only=True)
class DropLabels:
    """`| drop a, b`, or with `keep` the opposite."""

    names: tuple[str, ...]
    keep: bool

    def apply(self, line: str, labels: Mapping[str, str]) -> Line:
        """Change the labels."""
        return line, {name: value for name, value in labels.items() if (name in self.names) == self.keep}


@dataclass(frozen=True, kw_only=True)
class Decolorize:
    """`| decolorize`: takes terminal colours out."""

    def apply(self, line: str, labels: Mapping[str, str]) -> Line:
        """Rewrite the line."""
        return _ANSI.sub("", line), labels


def line_filter(operator: str, texts: tuple[str, ...]) -> LineFilter:
    """Build a line filter from its operator. Raises re.error."""
    is_regex = operator in ("|~", MatchOp.NOT_REGEX.value)
    patterns = tuple(re.compile(text, re.DOTALL) if is_regex else text for text in texts)
    return LineFilter(negated=operator.startswith("!"), patterns=patterns)


def _filled(template: str, line: str, labels: Mapping[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        return labels.get(name, "") if name else line

    return _REFERENCE.sub(one, template)
