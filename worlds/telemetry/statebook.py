"""Follows the API server's objects and keeps how their figures changed, as kube-state-metrics would be scraped."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

from worlds.estate.simulation import Simulation
from worlds.objects.kinds import KINDS, JsonObject
from worlds.objects.store import Change, ChangeType
from worlds.promql.labels import LabelSet, labels_of
from worlds.promql.storage import METRIC_NAME, Matcher, MatchOp, MetricMetadata, Series, matches_all
from worlds.telemetry.grid import Steps, Window
from worlds.telemetry.statemetrics import metadata_of, samples

_JOB = {"job": "kube-state-metrics", "instance": "10.64.0.7:8080"}
_Key = tuple[str, ...]
"""A metric's name, and labels and values in turn."""


class StateBook:
    """All series of kube-state-metrics, as steps."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._by_name: dict[str, dict[_Key, Steps]] = {}
        self._by_label: dict[tuple[str, str], dict[str, list[Steps]]] = {}
        self._present: dict[str, dict[_Key, float]] = {}
        for kind in KINDS:
            if not kind.stored_as:
                for obj in world.cluster.store.every(kind):
                    self._update(obj, at=world.history_start)
        world.cluster.store.subscribe(self._on_change)

    def metadata(self) -> Mapping[str, MetricMetadata]:
        """Return type and help by name."""
        return {name: metadata_of(name) for name in self._by_name}

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return self._by_name

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        """Yield the matching series of one metric."""
        for steps in self._candidates(name, matchers):
            if matches_all(matchers, steps.labels):
                found = steps.series(window)
                if found is not None:
                    yield found

    def _candidates(self, name: str, matchers: Sequence[Matcher]) -> Collection[Steps]:
        """Return what may match: of the labels whose value is given, the one that fewest have."""
        given = [one for one in matchers if one.op is MatchOp.EQUAL and one.value and one.name != METRIC_NAME]
        return min(
            (self._having(name, one.name).get(one.value, ()) for one in given),
            key=len,
            default=self._by_name.get(name, {}).values(),
        )

    def _having(self, name: str, label: str) -> dict[str, list[Steps]]:
        """Return the series of a metric by the value of a label. Kept for those labels that queries ask for."""
        found = self._by_label.get((name, label))
        if found is None:
            found = self._by_label[name, label] = {}
            for steps in self._by_name.get(name, {}).values():
                found.setdefault(steps.labels.get(label, ""), []).append(steps)
        return found

    def _on_change(self, change: Change) -> None:
        self._update(change.object, at=self._world.cluster.now, gone=change.type is ChangeType.DELETED)

    def _update(self, obj: JsonObject, *, at: float, gone: bool = False) -> None:
        uid = obj["metadata"]["uid"]
        before = self._present.get(uid, {})
        after: dict[_Key, float] = {}
        for name, labels, value in () if gone else samples(obj):
            after[name, *chain.from_iterable(labels.items())] = value
        for key, value in after.items():
            if before.get(key) != value:
                self._steps(key).set(at, value)
        for key in before.keys() - after.keys():
            self._steps(key).set(at, None)
        if after or before:
            self._present[uid] = after

    def _steps(self, key: _Key) -> Steps:
        table = self._by_name.setdefault(key[0], {})
        steps = table.get(key)
        if steps is None:
            labels = LabelSet({METRIC_NAME: key[0], **{k: v for k, v in labels_of(key[1:]).items() if v}, **_JOB})
            steps = table[key] = Steps(labels=labels)
            for (name, label), having in self._by_label.items():
                if name == key[0]:
                    having.setdefault(labels.get(label, ""), []).append(steps)
        return steps
