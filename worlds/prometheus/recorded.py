"""Series that rules write themselves (recording rules, ALERTS, ALERTS_FOR_STATE), laid over the estate's storage."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from worlds.promql.labels import LabelKey, key_of, labels_of
from worlds.promql.storage import (
    METRIC_NAME,
    STALE_NAN,
    Matcher,
    MatchOp,
    MetricMetadata,
    Rows,
    Series,
    Storage,
    matches_all,
)

_KEEP_SECONDS = 6 * 3600.0  # rules look back minutes; a day-long panel over a recorded series is cut to this
_PRUNE_EVERY_SAMPLES = 512


@dataclass(kw_only=True)
class _Growing:
    labels: Mapping[str, str]
    timestamps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def append(self, time: float, value: float) -> None:
        self.timestamps.append(time)
        self.values.append(value)
        if len(self.timestamps) % _PRUNE_EVERY_SAMPLES == 0:
            first = int(np.searchsorted(np.array(self.timestamps), time - _KEEP_SECONDS))
            del self.timestamps[:first], self.values[:first]


class RecordedSeries:
    """Appends the results of one rule after the other, with stale markers where a result is gone."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names` are those of all metrics that will ever be recorded."""
        self._names = frozenset(names)
        self.before_reading: Callable[[], None] = _nothing
        """Called before series are read that rules may have to write first."""
        self._by_name: dict[str, dict[LabelKey, _Growing]] = {}
        self._last: dict[str, set[LabelKey]] = {}

    def record(self, source: str, results: Iterable[tuple[Mapping[str, str], float]], *, time: float) -> None:
        """Store what one rule (`source`) produced at a time; what it produced before and not now becomes stale."""
        written: set[LabelKey] = set()
        for labels, value in results:
            self._append(labels, time, value)
            written.add(key_of(labels))
        for key in self._last.get(source, set()) - written:
            self._append(labels_of(key), time, STALE_NAN)
        self._last[source] = written

    def select(self, matchers: Sequence[Matcher], *, start: float, end: float) -> list[Series]:
        """Return matching recorded series with samples in [start, end]."""
        if not self._may_match(matchers):
            return []
        self.before_reading()
        return [
            Series(labels=one.labels, timestamps=np.array(one.timestamps), values=np.array(one.values))
            for one in self._candidates(matchers)
            if matches_all(matchers, one.labels) and one.timestamps[0] <= end and one.timestamps[-1] >= start
        ]

    def _may_match(self, matchers: Sequence[Matcher]) -> bool:
        asked = [one for one in matchers if one.name == METRIC_NAME]
        return any(all(one.matches(name) for one in asked) for name in self._names)

    def _candidates(self, matchers: Sequence[Matcher]) -> Iterable[_Growing]:
        for matcher in matchers:
            if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL:
                return self._by_name.get(matcher.value, {}).values()
        return (one for named in self._by_name.values() for one in named.values())

    def _append(self, labels: Mapping[str, str], time: float, value: float) -> None:
        named = self._by_name.setdefault(labels.get(METRIC_NAME, ""), {})
        named.setdefault(key_of(labels), _Growing(labels=labels)).append(time, value)


def _nothing() -> None: ...


@dataclass(frozen=True, kw_only=True)
class LayeredStorage:
    """The estate's storage with recorded series on top. Satisfies `worlds.promql.storage.Storage`."""

    base: Storage
    recorded: RecordedSeries

    def select(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[Series | Rows]:
        """Return both layers' series."""
        recorded = self.recorded.select(matchers, start=start, end=end)
        below = self.base.select(matchers, start=start, end=end)
        return [*below, *recorded] if recorded else below

    def label_names(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return both layers' label names."""
        recorded = self.recorded.select(matchers, start=start, end=end)
        names = set(self.base.label_names(matchers, start=start, end=end))
        return sorted(names.union(*(one.labels for one in recorded)))

    def label_values(self, name: str, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return both layers' values of a label."""
        recorded = self.recorded.select(matchers, start=start, end=end)
        values = {one.labels[name] for one in recorded if one.labels.get(name)}
        return sorted(values.union(self.base.label_values(name, matchers, start=start, end=end)))

    def metadata(self) -> Mapping[str, MetricMetadata]:
        """Return the base's metadata: recorded series have none."""
        return self.base.metadata()
