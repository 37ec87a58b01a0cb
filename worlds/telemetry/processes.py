"""The pods of the tape as exporters see them: labels, rows in a window, counters that begin anew with every process."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from worlds.cluster.chance import Chance
from worlds.cluster.podmaking import POD
from worlds.estate.flow import TICK, PodField
from worlds.estate.layout import Column
from worlds.estate.simulation import Simulation
from worlds.objects.kinds import JsonObject
from worlds.objects.store import Change
from worlds.promql.storage import STALE_NAN, Rows, Series
from worlds.scenario.workload import Workload, WorkloadKind
from worlds.telemetry.grid import Floats, Ticks, Window

# A process that was there before the history begins has counted for a while; more than this is not remembered.
_OLDEST_COUNT = 86400.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ProcessTrack:
    """One pod's rows in a window. `all_rows` reach back to its beginning, for counters.

    Most queries mean few pods: what only those need is computed when it is asked for.
    """

    pod: JsonObject
    workload: Workload
    node: str
    scraped: Window
    """The window that was asked about."""
    all_ticks: Ticks
    all_rows: Floats
    window: slice
    """Which of all rows lie in it: at least one."""
    last: int
    """The latest tick that could have been scraped."""
    birth: Column

    @cached_property
    def ticks(self) -> Ticks:
        """The ticks in the window."""
        return self.all_ticks[self.window]

    @cached_property
    def times(self) -> Floats:
        """Their times."""
        return self.scraped.times_of(self.ticks)

    @cached_property
    def rows(self) -> Floats:
        """A row for each of them."""
        return self.all_rows[self.window]

    @cached_property
    def ends(self) -> Ticks:
        """The positions in `ticks` behind a row after which there was nothing to scrape."""
        follows = np.append(self.ticks[1:] == self.ticks[:-1] + 1, self.ticks[-1] >= self.last)
        return np.flatnonzero(~follows) + 1

    @property
    def head_start(self) -> float:
        """Seconds that a process had counted for when its rows begin."""
        if self.birth.instance != 1:
            return 0.0
        return min(max(float(self.all_ticks[0]) * TICK - self.birth.started, 0.0), _OLDEST_COUNT)

    def series(self, labels: Mapping[str, str], values: Floats) -> Series:
        """Return a series of values per row, with a staleness marker wherever the process went away."""
        return Series(labels=labels, timestamps=self._scrapes, values=self._marked(values))

    def several(self, labels: Sequence[Mapping[str, str]], values: Floats) -> Rows:
        """Return one series per label set; `values` has a row per row and a column per label set."""
        return Rows(labels=labels, timestamps=self._scrapes, values=np.ascontiguousarray(self._marked(values).T))

    @cached_property
    def _scrapes(self) -> Floats:
        """The times of the rows and of the staleness markers: one array, so that all series are evaluated together."""
        if not len(self.ends):
            return self.times
        return np.insert(self.times, self.ends, (self.ticks[self.ends - 1] + 1) * TICK)

    def _marked(self, values: Floats) -> Floats:
        return np.insert(values, self.ends, STALE_NAN, axis=0) if len(self.ends) else values

    def gauge(self, field: PodField) -> Floats:
        """Return a column."""
        return self.rows[:, field]

    def counted(self, per_second: Floats, *, before: Floats | None = None) -> Floats:
        """Return the counter of a rate (along the first axis): it begins at zero with every new process.

        `before` is what this returned when there were fewer rows: then `per_second` is about the new rows only. The
        sums are taken in the same order either way, so that the answer does not depend on how often one asked.
        """
        done = 0 if before is None else len(before)
        rises = per_second * TICK
        instance = self.all_rows[done:, PodField.INSTANCE]
        if before is None:
            if len(rises):
                rises[0] += self.head_start * per_second[0]
        elif len(rises) and instance[0] == self.all_rows[done - 1, PodField.INSTANCE]:
            rises[0] += before[-1]
        lives = np.split(rises, np.flatnonzero(instance[1:] != instance[:-1]) + 1)
        counts = [np.cumsum(life, axis=0) for life in lives]
        return np.concatenate(counts if before is None else [before, *counts])

    @cached_property
    def uid(self) -> str:
        """The pod's uid."""
        return str(self.pod["metadata"]["uid"])

    @cached_property
    def target(self) -> dict[str, str]:
        """The labels that Prometheus gives to what it scrapes from the pod, and to its `up`."""
        meta, name = self.pod["metadata"], self.workload.name
        address = f"{self.pod.get('status', {}).get('podIP', '')}:{self.workload.port}"
        labels = {"job": name, "namespace": meta["namespace"], "service": name, "pod": meta["name"]}
        return labels | {"container": name, "endpoint": "http", "instance": address}


class ProcessTracks:
    """Finds the tracks of all pods that ran in a window."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._pods: dict[str, JsonObject] = {}
        self._workloads = {workload.key: workload for workload in world.scenario.estate.workloads}
        self._found: dict[tuple[int, int], tuple[ProcessTrack, ...]] = {}
        self._found_at = -1
        world.cluster.store.subscribe(self._on_change)

    @property
    def chance(self) -> Chance:
        """The world's chance."""
        return self._world.cluster.chance

    def every(self, window: Window) -> Sequence[ProcessTrack]:
        """Return the pods that have rows in the window. Kept until time goes on or a pod changes."""
        if not len(window.ticks):
            return ()
        if self._found_at != self._world.last_tick:
            self._found.clear()
            self._found_at = self._world.last_tick
        key = (window.first, window.last)
        if key not in self._found:
            self._found[key] = tuple(self._tracks(window))
        return self._found[key]

    def _on_change(self, change: Change) -> None:
        if change.kind is POD:
            self._pods[change.object["metadata"]["uid"]] = change.object
            self._found.clear()

    def _tracks(self, window: Window) -> Iterator[ProcessTrack]:
        last = min(window.last, self._world.last_tick)
        for uid, column in self._world.tape.columns.items():
            workload = self._workloads.get(column.workload)
            if workload is None or workload.kind is WorkloadKind.EXTERNAL:
                continue
            track = self._world.tape.pod(uid)
            part = window.cut(track.ticks)
            pod = self._pod(uid)
            if part.stop > part.start and pod is not None:
                yield ProcessTrack(
                    pod=pod,
                    workload=workload,
                    node=column.node,
                    scraped=window,
                    all_ticks=track.ticks,
                    all_rows=track.rows,
                    window=part,
                    last=last,
                    birth=self._world.tape.births[uid],
                )

    def _pod(self, uid: str) -> JsonObject | None:
        known = self._pods.get(uid)
        runtime = self._world.kubelets.pods.get(uid) if known is None else None
        if runtime is not None:
            known = self._world.cluster.store.find(POD, namespace=runtime.namespace, name=runtime.name)
            if known is not None:
                self._pods[uid] = known
        return known
