"""Exact field-level difference of two JSON objects, and what a path of it speaks about.

Paths are dotted; items of lists that have names are written by them (`spec.template.spec.containers[checkout].image`),
other items by their position; keys with dots are quoted (`metadata.annotations["kubernetes.io/change-cause"]`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from incidents.action import FieldChange
from incidents.canonical import Json
from incidents.value import Value
from tools.kubernetes.secrecy import REDACTED, literal, secret_name

MAX_VALUE = 500
"""Characters of one side of a change that are kept."""
_KEYS = ("name", "containerPort", "mountPath", "key", "topologyKey", "ip", "port")
_EMPTY_SAYS = {"emptyDir", "ephemeral", "podSelector", "namespaceSelector", "ingress", "egress"}
"""Fields whose empty object or list says something; elsewhere it is as good as absent."""
_CONTAINER = re.compile(r"(?:^|\.)(?P<list>containers|initContainers)\[(?P<name>[^\]]+)\](?:\.(?P<field>.*))?$")
_ENV = re.compile(r"^env\[(?P<name>[^\]]+)\]")

Leaf = str | int | float | bool | None


class FieldPlace(Value):
    """What a path speaks about: a field of a container (with its name), or of the pod template or object."""

    container: str | None
    init: bool
    field: str
    """Path below the container (`resources.limits.memory`, `env[LOG_LEVEL].value`), or the whole path."""

    @property
    def env_name(self) -> str | None:
        """The variable, for a change of the environment."""
        match = _ENV.match(self.field) if self.container else None
        return match["name"] if match else None


def place_of(path: str) -> FieldPlace:
    """Read a path written by `field_changes`."""
    match = _CONTAINER.search(path)
    if match is None:
        return FieldPlace(container=None, init=False, field=path)
    return FieldPlace(container=match["name"], init=match["list"] == "initContainers", field=match["field"] or "")


def field_changes(before: Json, after: Json, *, prefix: str = "") -> tuple[FieldChange, ...]:
    """Every leaf that differs, sorted by path; values whose names say they are secret are not shown."""
    old, new = dict(_leaves(before, prefix)), dict(_leaves(after, prefix))
    paths = sorted(path for path in old.keys() | new.keys() if _value(old, path) != _value(new, path))
    return tuple(_change(path, old, new) for path in paths)


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(below, _join(path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        if all(isinstance(item, str | int | float | bool) for item in value):
            yield path, json.dumps(value, ensure_ascii=False)
            return
        for name, item in _named(value):
            yield from _leaves(item, f"{path}[{name}]")
    elif value is None or isinstance(value, str | int | float | bool):
        yield path, value
    elif path.rsplit(".", 1)[-1] in _EMPTY_SAYS:
        yield path, json.dumps(value)


def _named(items: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    for key in _KEYS:
        names = [str(item[key]) for item in items if isinstance(item, Mapping) and key in item]
        if len(names) == len(items) == len(set(names)):
            yield from zip(names, items, strict=True)
            return
    yield from ((str(position), item) for position, item in enumerate(items))


def _join(path: str, key: str) -> str:
    if "." in key or "[" in key:
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def _value(leaves: Mapping[str, Leaf], path: str) -> Leaf:
    return leaves.get(path)


def _change(path: str, old: Mapping[str, Leaf], new: Mapping[str, Leaf]) -> FieldChange:
    before, after = _shown(old.get(path)), _shown(new.get(path))
    place = place_of(path)
    name = place.env_name or path.rsplit(".", 1)[-1].strip('[]"')
    if place.env_name and place.field.endswith(".name"):
        return FieldChange(path=path, before=before, after=after)
    if secret_name(name) and "valueFrom" not in path and not path.endswith(("secretName", "serviceAccountName")):
        return FieldChange(path=path, before=_hidden(before), after=_hidden(after))
    return FieldChange(
        path=path,
        before=None if before is None else literal("", before)[:MAX_VALUE],
        after=None if after is None else literal("", after)[:MAX_VALUE],
    )


def _hidden(text: str | None) -> str | None:
    return None if text is None else REDACTED


def _shown(value: Leaf) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value)
