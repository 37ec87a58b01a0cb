"""One JSON object as the API server sent it, read through typed getters: raw JSON goes no further than this.

A field that is absent, null or of another type than asked for reads as absent: objects of older and newer
servers differ in exactly that, and a view says what it could read.
"""

from collections.abc import Iterator
from datetime import datetime

from incidents.canonical import Json, utc


class Document:
    """A read-only JSON object. Every getter takes the path of keys to the field."""

    __slots__ = ("_body",)

    def __init__(self, body: Json = None) -> None:
        """Wrap a decoded JSON value; anything but an object reads as an empty one."""
        self._body: dict[str, Json] = body if isinstance(body, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._body)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and self._body == other._body

    def __hash__(self) -> int:
        return id(self)

    def json(self, *path: str) -> Json:
        """The value as decoded JSON; None when absent."""
        value: Json = self._body
        for key in path:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def has(self, *path: str) -> bool:
        """Whether the field is there and not null."""
        return self.json(*path) is not None

    def at(self, *path: str) -> "Document":
        """The object at that path; an empty document when absent."""
        return Document(self.json(*path))

    def text(self, *path: str) -> str | None:
        """A string. Numbers are given as text, since IntOrString fields hold either."""
        value = self.json(*path)
        if isinstance(value, bool):
            return None
        return str(value) if isinstance(value, str | int | float) else None

    def word(self, *path: str) -> str:
        """A string, empty when absent."""
        return self.text(*path) or ""

    def whole(self, *path: str) -> int | None:
        """An integer."""
        value = self.json(*path)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def count(self, *path: str) -> int:
        """An integer, 0 when absent: how Kubernetes leaves out zero counts."""
        return self.whole(*path) or 0

    def flag(self, *path: str) -> bool:
        """A boolean, false when absent."""
        return self.json(*path) is True

    def moment(self, *path: str) -> datetime | None:
        """An instant in UTC; None when absent or unreadable."""
        value = self.json(*path)
        if not isinstance(value, str):
            return None
        try:
            return utc(datetime.fromisoformat(value))
        except ValueError:
            return None

    def items(self, *path: str) -> tuple["Document", ...]:
        """The objects of a list."""
        value = self.json(*path)
        return tuple(Document(item) for item in value if isinstance(item, dict)) if isinstance(value, list) else ()

    def texts(self, *path: str) -> tuple[str, ...]:
        """The strings of a list."""
        value = self.json(*path)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def mapping(self, *path: str) -> dict[str, str]:
        """A map of strings (labels, quantities); values that are numbers are given as text."""
        value = self.json(*path)
        if not isinstance(value, dict):
            return {}
        return {key: str(item) for key, item in value.items() if isinstance(item, str | int | float)}

    def keys(self, *path: str) -> tuple[str, ...]:
        """The keys of an object, in their order."""
        value = self.json(*path)
        return tuple(value) if isinstance(value, dict) else ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its own fields."""
        return tuple(self._body)

    def pairs(self, *path: str) -> Iterator[tuple[str, "Document"]]:
        """The keys of an object with the objects under them."""
        value = self.json(*path)
        for key, below in value.items() if isinstance(value, dict) else ():
            yield key, Document(below)
