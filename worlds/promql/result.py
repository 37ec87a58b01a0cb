"""What a query answers, in the four shapes of Prometheus' HTTP API. Times are unix seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from worlds.promql.labels import Labels

Point: TypeAlias = tuple[float, float]  # (unix seconds, value)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One series' value in an instant vector."""

    labels: Labels
    time: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """One series' values in a matrix, ascending in time. Runs with the same times may share one list of them."""

    labels: Labels
    times: Sequence[float]
    values: Sequence[float]

    @property
    def points(self) -> list[Point]:
        """Time and value of each."""
        return list(zip(self.times, self.values, strict=True))


@dataclass(frozen=True, kw_only=True)
class VectorResult:
    """An instant vector, in the order of evaluation (which matters after `sort` and `topk`)."""

    samples: Sequence[Sample]


@dataclass(frozen=True, kw_only=True)
class MatrixResult:
    """Several runs, ordered by their labels."""

    runs: Sequence[Run]


@dataclass(frozen=True, kw_only=True)
class ScalarResult:
    """A single number."""

    time: float
    value: float


@dataclass(frozen=True, kw_only=True)
class StringResult:
    """A single string."""

    time: float
    value: str


Result: TypeAlias = VectorResult | MatrixResult | ScalarResult | StringResult
