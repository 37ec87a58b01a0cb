"""The two small notations of a runbook: alternatives `a | b(reason=x)`, and quantities `1.3 x memory.at_limit.peak`."""

import re

from incidents.cause import Alternative, Expression
from incidents.ids import FactKind
from incidents.value import Scalar

_PREDICTED = re.compile(
    r"(?P<kind>[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)"
    r"(?:\(\s*(?P<where>[a-z0-9_]+\s*=\s*[^(),=|]+(?:,\s*[a-z0-9_]+\s*=\s*[^(),=|]+)*)\s*\))?"
)
_EXPRESSION = re.compile(
    r"(?:(?P<factor>\d+(?:\.\d+)?)\s*[x*×]\s*)?(?P<fact>[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)\.(?P<attribute>[a-z][a-z0-9_]*)"  # noqa: RUF001
)


def read_alternative(text: str, *, weight: float = 1.0) -> Alternative:
    """`a.b | c.d(reason=x/y)` as an alternative. Raises ValueError naming the part that is no fact kind."""
    kinds: list[FactKind] = []
    where: dict[FactKind, list[dict[str, tuple[str, ...]]]] = {}
    for part in (part.strip() for part in text.split("|")):
        match = _PREDICTED.fullmatch(part)
        if match is None:
            message = (
                f"{part!r} is no fact kind: write domain.what_is_so, for example container.oom_killed, "
                "with attributes as in pod.unschedulable(reason=cpu/memory)"
            )
            raise ValueError(message)
        kind = FactKind(match["kind"])
        if kind in kinds and not (kind in where and match["where"]):
            raise ValueError(f"{kind} stands twice in {text!r}, once without attributes: that is enough")
        kinds.append(kind)
        if match["where"]:
            where.setdefault(kind, []).append(dict(_condition(condition) for condition in match["where"].split(",")))
    once = tuple(dict.fromkeys(kinds))
    return Alternative(kinds=once, where={kind: tuple(found) for kind, found in where.items()}, weight=weight)


def _condition(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, values = text.partition("=")
    return name.strip(), tuple(value.strip() for value in values.split("/"))


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
    return " | ".join(f"{kind}{said}" for kind in alternative.kinds for said in _conditions(alternative, kind))


def _conditions(alternative: Alternative, kind: FactKind) -> list[str]:
    """What stands in brackets behind a kind; it is written once per condition."""
    written = []
    for condition in alternative.where.get(kind, ()):
        said = (f"{name}={'/'.join(values)}" for name, values in condition.items())
        written.append(f"({', '.join(said)})")
    return written or [""]
