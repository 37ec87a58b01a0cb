"""Copies of objects: they are trees of JSON, for which the general `copy.deepcopy` takes five times as long."""

from typing import TypeVar, cast

ValueT = TypeVar("ValueT")


def copied(value: ValueT) -> ValueT:
    """Return a copy that shares nothing that could be changed. What stands at two places becomes two."""
    if isinstance(value, dict):
        return cast("ValueT", {key: copied(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return cast("ValueT", [copied(inner) for inner in value])
    return value
