"""The two small notations of a runbook: alternatives `a | b`, and quantities `1.3 x memory.at_limit.peak`."""

import re

from incidents.cause import Alternative, Expression
from incidents.ids import FactKind
from incidents.value import Scalar

FACT_KIND = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_EXPRESSION = re.compile(
    r"(?:(?P<factor>\d+(?:\.\d+)?)\s*[x*×]\s*)?(?P<fact>[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)\.(?P<attribute>[a-z][a-z0-9_]*)"  # noqa: RUF001
)


def read_alternative(text: str, *, weight: float = 1.0) -> Alternative:
    """`a.b | c.d` as an alternative. Raises ValueError naming the part that is no fact kind."""
    parts = [part.strip() for part in text.split("|")]
    for part in parts:
        if not FACT_KIND.fullmatch(part):
            message = f"{part!r} is no fact kind: write domain.what_is_so, for example container.oom_killed"
            raise ValueError(message)
    return Alternative(kinds=tuple(FactKind(part) for part in parts), weight=weight)


def read_argument(value: Scalar) -> Expression | Scalar:
    """A quantity computed from a fact when it is written as one, else the constant itself."""
    if not isinstance(value, str):
        return value
    match = _EXPRESSION.fullmatch(value.strip())
    if match is None:
        return value
    factor = float(match["factor"]) if match["factor"] else 1.0
    return Expression(factor=factor, fact=FactKind(match["fact"]), attribute=match["attribute"])


def write_alternative(alternative: Alternative) -> str:
    """The notation of an alternative, without its weight."""
    return " | ".join(alternative.kinds)
