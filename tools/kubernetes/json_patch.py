"""Operations of a JSON patch (RFC 6902), and those that make one conditional. Pure."""

from collections.abc import Mapping, Sequence

from incidents.canonical import Json
from tools.kubernetes.document import Document

Operation = Mapping[str, Json]


def pointer(*parts: str | int) -> str:
    """A JSON pointer: slashes and tildes of the parts are escaped."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def unchanged(item: Document) -> list[Operation]:
    """Tests that hold only while the object is exactly the version that was read."""
    return [
        {"op": "test", "path": "/metadata/uid", "value": item.word("metadata", "uid")},
        {"op": "test", "path": "/metadata/resourceVersion", "value": item.word("metadata", "resourceVersion")},
    ]


def put(item: Document, path: Sequence[str], value: Json) -> list[Operation]:
    """Set a field, creating the objects above it that are missing."""
    for depth in range(1, len(path)):
        if not item.has(*path[:depth]):
            return [{"op": "add", "path": pointer(*path[:depth]), "value": _nested(path[depth:], value)}]
    return [{"op": "add", "path": pointer(*path), "value": value}]


def drop(item: Document, path: Sequence[str]) -> list[Operation]:
    """Remove a field; nothing when it is not there."""
    return [{"op": "remove", "path": pointer(*path)}] if item.has(*path) else []


def annotate(item: Document, annotations: Mapping[str, str]) -> list[Operation]:
    """Write annotations."""
    if not item.has("metadata", "annotations"):
        return [{"op": "add", "path": "/metadata/annotations", "value": dict(annotations)}]
    return [
        {"op": "add", "path": pointer("metadata", "annotations", key), "value": value}
        for key, value in annotations.items()
    ]


def _nested(path: Sequence[str], value: Json) -> Json:
    return {path[0]: _nested(path[1:], value)} if path else value
