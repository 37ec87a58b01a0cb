"""What PromQL is evaluated over: the seam between the simulated estate and everything that asks it questions.

A storage answers matchers with raw samples. It knows nothing about PromQL; staleness, lookback and extrapolation are
the evaluator's business. Times are unix seconds (float), as everywhere in the Prometheus HTTP API.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from worlds.promql.quoting import quote

METRIC_NAME = "__name__"

# Prometheus marks the end of a series with one particular NaN (model/value/value.go: StaleNaN).
STALE_NAN_BITS = 0x7FF0000000000002
STALE_NAN: float = float(np.array([STALE_NAN_BITS], dtype=np.uint64).view(np.float64)[0])


class MatchOp(StrEnum):
    """How a matcher compares a label's value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """One condition on one label. A missing label has the value ""; regular expressions are anchored at both ends.

    Raises `re.error` when the regular expression does not compile.
    """

    name: str
    op: MatchOp
    value: str
    _pattern: re.Pattern[str] | None = field(init=False, repr=False, compare=False, default=None)
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.name, self.op.value, self.value)))
        if self.op in {MatchOp.REGEX, MatchOp.NOT_REGEX}:
            object.__setattr__(self, "_pattern", re.compile(self.value, re.DOTALL))

    def __hash__(self) -> int:
        """Computed once: matchers are keys of what exporters remember of every pod."""
        return self._hash

    def matches(self, value: str) -> bool:
        """Say whether a label with this value passes."""
        if self._pattern is None:
            return (value == self.value) == (self.op is MatchOp.EQUAL)
        return (self._pattern.fullmatch(value) is not None) == (self.op is MatchOp.REGEX)

    def __str__(self) -> str:
        """Write the matcher as PromQL does."""
        return f"{self.name}{self.op.value}{quote(self.value)}"


def matches_all(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Say whether a series with these labels passes every matcher."""
    for matcher in matchers:  # asked of every series of every query: equality is answered here
        value = labels.get(matcher.name, "")
        if value != matcher.value if matcher.op is MatchOp.EQUAL else not matcher.matches(value):
            return False
    return True


class Series(NamedTuple):
    """One time series; a tuple, for queries make thousands of them. `labels` holds the metric name as `__name__`.

    `timestamps` are unix seconds, strictly ascending; `values` has the same length. A value may be `STALE_NAN`
    (the series ended here) or an ordinary NaN. Numpy arrays are used as they are, so do not change them afterwards.
    Series that share one `timestamps` array object are evaluated together, which is much faster.
    """

    labels: Mapping[str, str]
    timestamps: Sequence[float] | NDArray[np.float64]
    values: Sequence[float] | NDArray[np.float64]


class Rows(NamedTuple):
    """Several series with the same timestamps: what a process exported. `values` has a row for each label set.

    Otherwise as `Series`; thousands of them need not be made where a few matrices say the same.
    """

    labels: Sequence[Mapping[str, str]]
    timestamps: Sequence[float] | NDArray[np.float64]
    values: NDArray[np.float64]


def label_sets(found: Iterable[Series | Rows]) -> Iterator[Mapping[str, str]]:
    """Yield the labels of every series."""
    for one in found:
        if isinstance(one, Rows):
            yield from one.labels
        else:
            yield one.labels


@dataclass(frozen=True, kw_only=True)
class MetricMetadata:
    """What `# TYPE` and `# HELP` say about a metric name."""

    type: str
    help: str
    unit: str = ""


class Storage(Protocol):
    """Raw samples by matchers. Implementations are synchronous and do not block: everything is in memory."""

    def select(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[Series | Rows]:
        """Return the series that pass all matchers with their samples in [start, end], both ends included.

        Samples outside the window are ignored by the caller, a series without samples may be left out. No two
        series may have the same labels. Labels with the value "" must not appear.
        """
        ...

    def label_names(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return the sorted label names (with `__name__`) of the series that `select` would return."""
        ...

    def label_values(self, name: str, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return the sorted values of one label among the series that `select` would return."""
        ...

    def metadata(self) -> Mapping[str, MetricMetadata]:
        """Return type and help by metric name, as far as known."""
        ...
