"""Label sets: how they are compared, cut down and written. A label set is a mapping; a missing label equals ""."""

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from worlds.promql.quoting import quote
from worlds.promql.storage import METRIC_NAME

Labels: TypeAlias = Mapping[str, str]
LabelKey: TypeAlias = tuple[tuple[str, str], ...]


def key_of(labels: Labels) -> LabelKey:
    """Return a hashable form: equal for equal label sets, and ordered as Prometheus orders series."""
    return tuple(sorted(labels.items()))


def without_name(labels: Labels) -> dict[str, str]:
    """Drop the metric name."""
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
        ordered = sorted(set(names))
        return lambda labels: tuple((name, labels[name]) for name in ordered if labels.get(name))
    ignored = {*names, METRIC_NAME}
    return lambda labels: key_of(drop(labels, ignored))


def render(labels: Labels) -> str:
    """Write a label set as Prometheus does: `{a="b", c="d"}`."""
    quoted = (f"{name}={quote(value)}" for name, value in key_of(labels))
    return "{" + ", ".join(quoted) + "}"
