"""The part of TraceQL that asks for spans by their fields: `{ resource.service.name = "a" && status = error }`.

Comparisons joined by `&&` inside one pair of braces. Pipelines, structural operators and `||` are refused by name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from worlds.recorded.recording import Span


class TraceQLError(ValueError):
    """The query cannot be read: the message says where."""


_TERM = re.compile(
    r"\s*(?P<field>[\w.]+)\s*(?P<op>=~|!~|!=|>=|<=|=|>|<)\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|[\w.:-]+)\s*(?P<next>&&|\|\||$)"
)
_UNITS: Final[Mapping[str, float]] = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ns|us|ms|s|m|h)")


@dataclass(frozen=True, kw_only=True)
class Term:
    """One comparison."""

    field: str
    operator: str
    value: str

    def holds(self, span: Span) -> bool:
        """Whether the span has it."""
        own = _value(span, self.field)
        if own is None:
            return False
        if self.field == "duration":
            return _COMPARES[self.operator](float(own), _seconds(self.value))
        if self.operator in {"=~", "!~"}:
            return (re.fullmatch(self.value, own) is not None) is (self.operator == "=~")
        if self.operator in {"=", "!="}:
            return (own == self.value) is (self.operator == "=")
        return _COMPARES[self.operator](float(own), float(self.value))


_COMPARES: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
}


def parse(query: str) -> tuple[Term, ...]:
    """The comparisons. Raises TraceQLError."""
    text = query.strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise TraceQLError(f"parse error at line 1, col 1: syntax error: write {{ ... }} instead of {text[:40]!r}")
    inner, terms, at = text[1:-1], list[Term](), 0
    while inner[at:].strip():
        found = _TERM.match(inner, at)
        if found is None or found["next"] == "||":
            raise TraceQLError(f"parse error at line 1, col {at + 2}: syntax error: unexpected {inner[at : at + 20]!r}")
        value = found["value"]
        plain = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        terms.append(Term(field=found["field"], operator=found["op"], value=plain))
        at = found.end()
    return tuple(terms)


def _value(span: Span, field: str) -> str | None:
    match field:
        case "name":
            return span.name
        case "status":
            return "error" if span.error else "unset"
        case "kind":
            return span.kind
        case "duration":
            return str(span.seconds)
        case "resource.service.name" | ".service.name":
            return span.service
        case _:
            return span.attributes.get(field.removeprefix("span.").removeprefix("resource.").removeprefix("."))


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise TraceQLError(f"parse error: {text!r} is no duration")
    return float(found["number"]) * _UNITS[found["unit"]]
