"""Conditions on labels inside a pipeline: `status >= 500 and (method = "GET" or duration > 1.5s)`."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from worlds.promql.storage import Matcher

ERROR_LABEL = "__error__"

NUMERIC_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


class Condition(Protocol):
    """Something that holds for a set of labels or does not."""

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Say so."""
        ...


@dataclass(frozen=True, kw_only=True)
class TextCondition:
    """A comparison with a string or regular expression."""

    matcher: Matcher

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Compare; a missing label is ""."""
        return self.matcher.matches(labels.get(self.matcher.name, ""))


@dataclass(frozen=True, kw_only=True)
class NumberCondition:
    """A comparison with a number, a duration (in seconds) or a size (in bytes); `read` turns text into that unit."""

    name: str
    operator: str
    value: float
    read: Callable[[str], float]

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Compare; a missing label does not pass. Raises ValueError for what is no number."""
        if self.name not in labels:
            return False
        return NUMERIC_OPERATORS[self.operator](self.read(labels[self.name]), self.value)


@dataclass(frozen=True, kw_only=True)
class Junction:
    """Two conditions joined by `and` or `or`."""

    left: Condition
    right: Condition
    both: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Evaluate from left to right."""
        if self.both:
            return self.left.holds(labels) and self.right.holds(labels)
        return self.left.holds(labels) or self.right.holds(labels)
