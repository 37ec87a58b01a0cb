"""Label sets: how they are compared, cut down and written. A label set is a mapping; a missing label equals ""."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

from worlds.promql.quoting import quote
from worlds.promql.storage import METRIC_NAME

Labels: TypeAlias = Mapping[str, str]
LabelKey: TypeAlias = tuple[str, ...]
"""Names and values in turn, by name: equal for equal label sets, and ordered as Prometheus orders series."""


# Groupings that one label set remembers: those of the queries that are asked of it in turn.
_CUTS_KEPT = 16


class LabelSet(dict[str, str]):
    """A label set that stays as it is and remembers what it was asked: a storage that keeps its sets should use it."""

    _key: LabelKey | None = None
    _nameless: "LabelSet | None" = None
    _cut: dict[tuple[str, ...] | frozenset[str], LabelKey] | None = None

    @property
    def key(self) -> LabelKey:
        """The hashable form."""
        known = self._key
        if known is None:
            known = self._key = _key(self)
        return known

    @property
    def nameless(self) -> "LabelSet":
        """The set without the metric name."""
        known = self._nameless
        if known is None:
            known = self._nameless = LabelSet(self)
            known.pop(METRIC_NAME, None)
            if self._key and self._key[0] == METRIC_NAME:
                known._key = self._key[2:]
        return known

    def only(self, names: tuple[str, ...]) -> LabelKey:
        """The named labels that it has. Kept: rules and dashboards group by a handful of names."""
        found = self._cut.get(names) if self._cut is not None else None
        return found if found is not None else self._keep(names, _only(self, names))

    def without(self, names: frozenset[str]) -> LabelKey:
        """The labels of other names. Kept, as `only`."""
        found = self._cut.get(names) if self._cut is not None else None
        return found if found is not None else self._keep(names, key_of(drop(self, names)))

    def _keep(self, names: tuple[str, ...] | frozenset[str], found: LabelKey) -> LabelKey:
        if self._cut is None or len(self._cut) >= _CUTS_KEPT:
            self._cut = {}
        self._cut[names] = found
        return found


def key_of(labels: Labels) -> LabelKey:
    """Return the hashable form."""
    return labels.key if isinstance(labels, LabelSet) else _key(labels)


def labels_of(key: LabelKey) -> dict[str, str]:
    """Return the label set of a key."""
    parts = iter(key)
    return dict(zip(parts, parts, strict=True))


def _key(labels: Labels) -> LabelKey:
    return tuple(chain.from_iterable(sorted(labels.items())))


def without_name(labels: Labels) -> Labels:
    """Drop the metric name."""
    if isinstance(labels, LabelSet):
        return labels.nameless
    return {name: value for name, value in labels.items() if name != METRIC_NAME}


def keep(labels: Labels, names: Collection[str]) -> dict[str, str]:
    """Keep only the named labels."""
    return {name: labels[name] for name in names if labels.get(name)}


def drop(labels: Labels, names: Collection[str]) -> dict[str, str]:
    """Drop the named labels."""
    return {name: value for name, value in labels.items() if name not in names}


def signature(*, on: bool, names: Collection[str]) -> Callable[[Labels], LabelKey]:
    """Return the function that maps labels to what `on(names)` or `ignoring(names)` compares."""
    if on:
        ordered = tuple(sorted(set(names)))
        if len(ordered) <= 1:  # sooner found than remembered
            return lambda labels: _only(labels, ordered)
        return lambda labels: labels.only(ordered) if isinstance(labels, LabelSet) else _only(labels, ordered)
    ignored = frozenset({*names, METRIC_NAME})
    return lambda labels: labels.without(ignored) if isinstance(labels, LabelSet) else key_of(drop(labels, ignored))


def _only(labels: Labels, names: Sequence[str]) -> LabelKey:
    if len(names) == 1:
        alone = labels.get(names[0])
        return (names[0], alone) if alone else ()
    return tuple(part for name in names if (value := labels.get(name)) for part in (name, value))


def render(labels: Labels) -> str:
    """Write a label set as Prometheus does: `{a="b", c="d"}`."""
    quoted = (f"{name}={quote(value)}" for name, value in sorted(labels.items()))
    return "{" + ", ".join(quoted) + "}"
