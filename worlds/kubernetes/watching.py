"""Watch streams: one JSON line per change, bookmarks, and an error line when the client is too far behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from worlds.kubernetes.answers import expired
from worlds.kubernetes.reads import passes, shown
from worlds.kubernetes.routes import Target
from worlds.objects.kinds import JsonObject
from worlds.objects.store import Change, ChangeType, GoneError, ObjectStore

_BOOKMARK_EVERY = 15.0
_LONGEST = 1800.0


class Watching:
    """Wakes the streams when something changes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._waiting: set[asyncio.Event] = set()
        self._closed = False
        store.subscribe(lambda _change: self.wake())

    def wake(self) -> None:
        """Let every stream look for changes."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self.wake()

    async def stream(self, target: Target, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield the lines of one watch until its timeout."""
        loop = asyncio.get_running_loop()
        end = loop.time() + min(float(parameters.get("timeoutSeconds") or _LONGEST), _LONGEST)
        bookmarks = parameters.get("allowWatchBookmarks") == "true"
        version = int(parameters.get("resourceVersion") or 0)
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            if not version:
                version = self._store.version
                for obj in self._store.every(target.kind, namespace=target.namespace):
                    if passes(obj, parameters):
                        yield _line("ADDED", shown(obj, kind=target.kind, now=self._store.now()))
            while not self._closed and loop.time() < end:
                event.clear()
                try:
                    changes = self._store.since(version)
                except GoneError:
                    yield _line("ERROR", expired(str(version)).status())
                    return
                for change in changes:
                    if line := _seen(change, target, parameters, now=self._store.now()):
                        yield line
                version = changes[-1].version if changes else version
                if not await _wait(event, min(end - loop.time(), _BOOKMARK_EVERY)) and bookmarks:
                    yield _bookmark(target, self._store.version)
        finally:
            self._waiting.discard(event)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _seen(change: Change, target: Target, parameters: Mapping[str, str], *, now: datetime) -> bytes | None:
    """Return the line for a change as this watch sees it: an object that stops matching is deleted for it."""
    if change.kind.key != target.kind.key:
        return None
    if target.namespace and change.object["metadata"].get("namespace") != target.namespace:
        return None
    matches = passes(change.object, parameters)
    matched = change.before is not None and passes(change.before, parameters)
    match change.type, matches, matched:
        case ChangeType.DELETED, _, True:
            kind = "DELETED"
        case ChangeType.DELETED, _, False:
            return None
        case _, True, True:
            kind = "MODIFIED"
        case _, True, False:
            kind = "ADDED"
        case _, False, True:
            kind = "DELETED"
        case _:
            return None
    return _line(kind, shown(change.object, kind=target.kind, now=now))


def _line(kind: str, obj: JsonObject) -> bytes:
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n"


def _bookmark(target: Target, version: int) -> bytes:
    kind = target.kind
    return _line(
        "BOOKMARK",
        {
            "kind": kind.kind,
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": str(version), "creationTimestamp": None},
        },
    )
