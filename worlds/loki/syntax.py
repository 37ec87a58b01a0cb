"""The syntax tree of LogQL: log queries (a selector and stages) and metric queries over them."""

from dataclasses import dataclass
from typing import TypeAlias

from worlds.loki.stages import Stage
from worlds.promql.matching import Matching
from worlds.promql.storage import Matcher


@dataclass(frozen=True, kw_only=True)
class LogQuery:
    """`{selector} | stage | stage`. `unwrap` names the label whose value metric queries use instead of the line."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...]
    unwrap: str = ""
    conversion: str = ""


@dataclass(frozen=True, kw_only=True)
class RangeAggregation:
    """`rate({...}[5m] offset 1m)`. Durations in nanoseconds."""

    function: str
    query: LogQuery
    range_ns: int
    offset_ns: int
    parameter: float | None = None
    by: tuple[str, ...] | None = None
    without: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class VectorAggregation:
    """`sum by (pod) (...)`; without a clause everything is one group."""

    operator: str
    operand: "Metric"
    by: bool
    names: tuple[str, ...]
    parameter: float | None = None


@dataclass(frozen=True, kw_only=True)
class Binary:
    """Two metric queries, or one and a number, joined by an operator."""

    operator: str
    left: "Metric"
    right: "Metric"
    matching: Matching
    as_bool: bool


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number, or `vector(number)`."""

    value: float
    as_vector: bool = False


@dataclass(frozen=True, kw_only=True)
class LabelReplace:
    """`label_replace(...)` with its four strings."""

    operand: "Metric"
    strings: tuple[str, ...]


Metric: TypeAlias = RangeAggregation | VectorAggregation | Binary | Number | LabelReplace
Query: TypeAlias = LogQuery | Metric
