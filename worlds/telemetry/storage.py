"""Everything that Prometheus has scraped, as the storage that PromQL is evaluated over."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from worlds.estate.flow import TICK
from worlds.estate.simulation import Simulation
from worlds.promql.storage import METRIC_NAME, Matcher, MatchOp, MetricMetadata, Rows, Series, label_sets, matches_all
from worlds.scenario.estate import resolve
from worlds.telemetry.applications import ApplicationMetrics
from worlds.telemetry.containers import ContainerMetrics
from worlds.telemetry.costs import CostMetrics
from worlds.telemetry.edges import EdgeMetrics
from worlds.telemetry.grid import Window
from worlds.telemetry.infrastructure import InfrastructureMetrics
from worlds.telemetry.processes import ProcessTracks
from worlds.telemetry.requests import RequestMetrics
from worlds.telemetry.statebook import StateBook

# A handful of dashboards' windows.
_WINDOWS_KEPT = 64


class Exporter(Protocol):
    """A source of series."""

    def metadata(self) -> Mapping[str, MetricMetadata]:
        """Return type and help by name."""
        ...

    def names(self) -> Collection[str]:
        """Return the names that it has, which may grow."""
        ...

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterable[Series | Rows]:
        """Return the matching series of one name."""
        ...


class EstateMetrics:
    """Satisfies `worlds.promql.storage.Storage`."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        tracks = ProcessTracks(world)
        estate = world.scenario.estate
        callers: dict[str, str] = {}
        for workload in estate.workloads:
            for call in workload.calls:
                callers.setdefault(resolve(call.to, workload=workload), workload.name)
        self._hidden = world.scenario.visibility.missing_metrics
        self._exporters: tuple[Exporter, ...] = (
            StateBook(world),
            ContainerMetrics(tracks),
            RequestMetrics(tracks, convention=estate.http_metrics, callers=lambda key: callers.get(key, "unknown")),
            EdgeMetrics(world),
            InfrastructureMetrics(world, tracks),
            CostMetrics(world, tracks),
            ApplicationMetrics(world, tracks),
        )
        self._windows: dict[range, Window] = {}

    def select(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[Series | Rows]:
        """Return the matching series with their samples in [start, end]."""
        window = self._window(start, end)
        if not len(window.ticks):
            return []
        return [
            series for name, exporter in self._named(matchers) for series in exporter.series(name, matchers, window)
        ]

    def label_names(self, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return the sorted label names of the matching series."""
        return sorted({label for labels in label_sets(self.select(matchers, start=start, end=end)) for label in labels})

    def label_values(self, name: str, matchers: Sequence[Matcher], *, start: float, end: float) -> Sequence[str]:
        """Return the sorted values of a label among the matching series."""
        if name == METRIC_NAME:
            return sorted(self._names_of(matchers, self._window(start, end)))
        found = label_sets(self.select(matchers, start=start, end=end))
        return sorted({labels[name] for labels in found if labels.get(name)})

    def metadata(self) -> Mapping[str, MetricMetadata]:
        """Return type and help by name."""
        known = {name: meta for exporter in self._exporters for name, meta in exporter.metadata().items()}
        return {name: known[name] for name, _ in self._named(())}

    def let_go(self) -> None:
        """Let go of all series; nothing can be asked any more."""
        for exporter in self._exporters:
            vars(exporter).clear()

    def _names_of(self, matchers: Sequence[Matcher], window: Window) -> set[str]:
        """Return the names under which there is any matching series: one is enough, so no more are made."""
        named = self._named(matchers)
        if not matchers:
            return {name for name, _ in named}
        if not len(window.ticks):
            return set()
        return {
            name for name, exporter in named if next(iter(exporter.series(name, matchers, window)), None) is not None
        }

    def _named(self, matchers: Sequence[Matcher]) -> Iterator[tuple[str, Exporter]]:
        by_name = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        exact = next((m.value for m in by_name if m.op is MatchOp.EQUAL), None)
        for exporter in self._exporters:
            known = exporter.names()
            for name in known if exact is None else [exact] if exact in known else []:
                if matches_all(by_name, {METRIC_NAME: name}) and not name.startswith(self._hidden or ("\0",)):
                    yield name, exporter

    def _window(self, start: float, end: float) -> Window:
        """Return the window, the same object for the same scrapes."""
        first = max(int(self._world.history_start // TICK) + 1, math.ceil(start / TICK))
        ticks = range(first, min(self._world.last_tick, math.floor(end / TICK)) + 1)
        window = self._windows.get(ticks)
        if window is None:
            if len(self._windows) > _WINDOWS_KEPT:
                self._windows.clear()
            window = self._windows[ticks] = Window.over(ticks)
        return window
