"""The fields of a change as people read them: what it is about first, book-keeping last, paths by their end. Pure."""

import re
from collections.abc import Sequence

from incidents.action import FieldChange
from incidents.value import Value

CONTAINER = re.compile(r"^.*\b(?:initContainers|containers)\[([^\]]+)\]\.")
FRONT = re.compile(r"^(?:spec\.template\.|spec\.)?(?:spec\.|metadata\.)?")
BOOK_KEEPING = ("metadata.labels", "metadata.annotations")
"""Changes with every release and decides nothing."""


class Field(Value):
    """One changed field."""

    label: str
    """`checkout: limits.memory`, `replicas`."""
    path: str
    """All of it, as the API server knows it."""
    before: str | None
    after: str | None


def fields(diff: Sequence[FieldChange]) -> tuple[Field, ...]:
    """The same changes, those first that make a difference."""
    told = (Field(label=label_of(one.path), path=one.path, before=one.before, after=one.after) for one in diff)
    return tuple(sorted(told, key=lambda one: any(word in one.path for word in BOOK_KEEPING)))


def label_of(path: str) -> str:
    """The end of a path, with the container that it belongs to."""
    if found := CONTAINER.match(path):
        return f"{found[1]}: {path[found.end() :].removeprefix('resources.')}"
    return FRONT.sub("", path) or path
