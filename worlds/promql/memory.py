"""A storage that holds what it was given: tests, recorded metrics and replayed evidence use it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from worlds.promql.storage import METRIC_NAME, Matcher, MatchOp, MetricMetadata, Series, matches_all


class MemoryStorage:
    """Series in a list, indexed by metric name. Satisfies `worlds.promql.storage.Storage`."""

    def __init__(self, series: Iterable[Series] = (), *, metadata: Mapping[str, MetricMetadata] | None = None) -> None:
        self._by_name: dict[str, list[Series]] = {}
        self._metadata = dict(metadata or {})
        for one in series:
            self.add(one)

    def add(self, series: Series) -> None:
        """Keep one more series; the caller sees to it that no two have the same labels."""
        self._by_name.setdefault(series.labels.get(METRIC_NAME, ""), []).append(series)

    def select(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[Series]:
        """Return matching series that have at least one sample in [start, end]."""
        return [
            series
            for series in self._candidates(matchers)
            if matches_all(matchers, series.labels) and _has_samples(series, start, end)
        ]

    def label_names(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return the sorted label names of matching series."""
        return sorted({name for series in self.select(matchers, start=start, end=end) for name in series.labels})

    def label_values(self, name: str, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return the sorted values of one label among matching series."""
        found = {series.labels.get(name, "") for series in self.select(matchers, start=start, end=end)}
        return sorted(found - {""})

    def metadata(self) -> Mapping[str, MetricMetadata]:
        """Return what the constructor was given."""
        return self._metadata

    def _candidates(self, matchers: Sequence[Matcher]) -> Iterable[Series]:
        for matcher in matchers:
            if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL:
                return self._by_name.get(matcher.value, ())
        return (series for group in self._by_name.values() for series in group)


def _has_samples(series: Series, start: float, end: float) -> bool:
    timestamps = np.asarray(series.timestamps)
    return bool(np.searchsorted(timestamps, start, "left") < np.searchsorted(timestamps, end, "right"))
