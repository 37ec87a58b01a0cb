"""The world's etcd: every object with its resourceVersion, and the log of changes that watches read.

Stored objects are never changed in place: a write replaces them. Readers may therefore keep what they got, but must
copy before they edit. Preconditions and permissions are the API server's business, reactions the controllers'.
"""

import itertools
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from worlds.objects.fields import changed_fields, merge_fields
from worlds.objects.kinds import JsonObject, Kind

# A cluster that has lived for a while; only differences have a meaning.
_FIRST_RESOURCE_VERSION = 48_213_000

# etcd compacts after five minutes; a bounded log gives watchers the same 410 without keeping everything.
_CHANGES_KEPT = 20_000
# Moments whose text is kept: many things happen at each.
_STAMPS_KEPT = 4096

Key = tuple[str, str]
"""Namespace and name."""


class ChangeType(StrEnum):
    """What happened to an object, in the words of a watch."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One write. `before` is None for an added object."""

    type: ChangeType
    kind: Kind
    object: JsonObject
    before: JsonObject | None
    version: int


class AlreadyExistsError(Exception):
    """An object with this name exists: choose another name or update it."""


class NotFoundError(Exception):
    """There is no such object."""


class GoneError(Exception):
    """The resource version is older than the log of changes: list again."""


@lru_cache(maxsize=_STAMPS_KEPT)
def stamp(moment: datetime) -> str:
    """Write a time as Kubernetes does, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class ObjectStore:
    """Objects by kind, namespace and name. `now` reads the virtual clock, `new_uid` makes a uid from a name."""

    def __init__(self, *, now: Callable[[], datetime], new_uid: Callable[[str], str]) -> None:
        self._now = now
        self._new_uid = new_uid
        self._objects: dict[str, dict[Key, JsonObject]] = {}
        # The keys of each kind in order.
        self._order: dict[str, list[Key]] = {}
        # Kind and uid of an owner -> keys of the objects of this kind that name it.
        self._dependents: dict[tuple[str, str], set[Key]] = {}
        self._versions = itertools.count(_FIRST_RESOURCE_VERSION + 1)
        self._changes: deque[Change] = deque(maxlen=_CHANGES_KEPT)
        self._listeners: list[Callable[[Change], None]] = []
        self.version = _FIRST_RESOURCE_VERSION

    def now(self) -> datetime:
        """Return the virtual time."""
        return self._now()

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Call the listener after every change, in order."""
        self._listeners.append(listener)

    def get(self, kind: Kind, *, namespace: str = "", name: str) -> JsonObject:
        """Return one object. Raises NotFoundError."""
        found = self.find(kind, namespace=namespace, name=name)
        if found is None:
            raise NotFoundError(name)
        return found

    def find(self, kind: Kind, *, namespace: str = "", name: str) -> JsonObject | None:
        """Return one object or None."""
        return self._objects.get(kind.key, {}).get((namespace, name))

    def every(self, kind: Kind, *, namespace: str = "") -> Iterator[JsonObject]:
        """Yield the objects of a kind in the order of namespace and name, of all namespaces when none is given."""
        table, keys = self._objects.get(kind.key, {}), self._order.get(kind.key, [])
        first = bisect_left(keys, (namespace, ""))
        end = bisect_left(keys, (f"{namespace}\0", "")) if namespace else len(keys)
        for key in keys[first:end]:
            yield table[key]

    def dependents(self, kind: Kind, *, owners: Collection[str], namespace: str = "") -> list[JsonObject]:
        """Return the objects of a kind that name one of these uids as their owner, in the order of `every`."""
        keys = {key for uid in owners for key in self._dependents.get((kind.key, uid), ())}
        return [self._objects[kind.key][key] for key in sorted(keys) if not namespace or key[0] == namespace]

    def create(self, kind: Kind, obj: JsonObject, *, manager: str, dry_run: bool = False) -> JsonObject:
        """Store a new object and return it with its system fields. Raises AlreadyExistsError.

        The caller hands over what the object holds: it must not be changed afterwards. With `dry_run` the result is
        computed and nothing is stored; the same holds for `replace`.
        """
        new = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": dict(obj.get("metadata", {}))}
        meta = new["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        if key in self._objects.get(kind.key, {}):
            raise AlreadyExistsError(meta["name"])
        meta["uid"] = self._new_uid(f"{kind.key}/{key[0]}/{key[1]}/{self.version}")
        meta["creationTimestamp"] = stamp(self._now())
        if kind.counts_generations:
            meta["generation"] = 1
        self._record_manager(kind, None, new, manager=manager, subresource="")
        if not dry_run:
            self._put(kind, ChangeType.ADDED, new, before=None)
        return new

    def replace(
        self, kind: Kind, obj: JsonObject, *, manager: str, subresource: str = "", dry_run: bool = False
    ) -> JsonObject:
        """Store the new state of an object and return it; nothing moves when nothing differs. Raises NotFoundError.

        The caller hands over the object: it must not be changed afterwards.
        """
        meta = obj["metadata"]
        before = self.get(kind, namespace=meta.get("namespace", ""), name=meta["name"])
        if obj == before:
            return before
        if kind.counts_generations and obj.get("spec") != before.get("spec"):
            meta["generation"] = before["metadata"].get("generation", 1) + 1
        self._record_manager(kind, before, obj, manager=manager, subresource=subresource)
        if not dry_run:
            self._put(kind, ChangeType.MODIFIED, obj, before=before)
        return obj

    def restore(self, kind: Kind, obj: JsonObject) -> None:
        """Store an object as it was recorded: its uid, times and managers stay. The caller hands it over.

        Two objects of one name are one: the later is kept.
        """
        meta = obj["metadata"]
        place = f"{kind.key}/{meta.get('namespace', '')}/{meta['name']}"
        meta.setdefault("uid", self._new_uid(place))
        meta.setdefault("creationTimestamp", stamp(self._now()))
        self._put(kind, ChangeType.ADDED, {"apiVersion": kind.api_version, "kind": kind.kind, **obj}, before=None)

    def delete(self, kind: Kind, *, namespace: str = "", name: str) -> JsonObject:
        """Remove an object for good and return its last state. Raises NotFoundError."""
        before = self.get(kind, namespace=namespace, name=name)
        last = {**before, "metadata": dict(before["metadata"])}
        self._put(kind, ChangeType.DELETED, last, before=before)
        return last

    def since(self, version: int) -> list[Change]:
        """Return the changes after a resource version. Raises GoneError when the log does not reach back so far."""
        if version < self.version and (not self._changes or version < self._changes[0].version - 1):
            raise GoneError(version)
        fresh: list[Change] = []
        for change in reversed(self._changes):
            if change.version <= version:
                break
            fresh.append(change)
        return fresh[::-1]

    def _put(self, kind: Kind, change: ChangeType, obj: JsonObject, *, before: JsonObject | None) -> None:
        self.version = next(self._versions)
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._place(kind, obj, gone=change is ChangeType.DELETED)
        event = Change(type=change, kind=kind, object=obj, before=before, version=self.version)
        self._changes.append(event)
        for listener in self._listeners:
            listener(event)

    def _place(self, kind: Kind, obj: JsonObject, *, gone: bool) -> None:
        """Bring the tables to where an object stands now."""
        meta = obj["metadata"]
        table, key = self._objects.setdefault(kind.key, {}), (meta.get("namespace", ""), meta["name"])
        keys = self._order.setdefault(kind.key, [])
        before = table.get(key)
        if gone:
            del table[key]
            del keys[bisect_left(keys, key)]
        else:
            table[key] = obj
            if before is None:
                insort(keys, key)
        self._note_owners(kind, key, _owners(before), [] if gone else _owners(obj))

    def _note_owners(self, kind: Kind, key: Key, before: list[str], after: list[str]) -> None:
        if before == after:
            return
        for uid in before:
            self._dependents[kind.key, uid].discard(key)
        for uid in after:
            self._dependents.setdefault((kind.key, uid), set()).add(key)

    def _record_manager(
        self, kind: Kind, before: JsonObject | None, after: JsonObject, *, manager: str, subresource: str
    ) -> None:
        """Note who set which fields, as `managedFields` does; not for the frequent status of pods and nodes."""
        if kind.key == "events" or (subresource == "status" and kind.plural in {"pods", "nodes"}):
            return
        fields = changed_fields(before or {}, after)
        if not fields:
            return
        entries = [dict(entry) for entry in after["metadata"].get("managedFields", [])]
        same = [e for e in entries if e["manager"] == manager and e.get("subresource", "") == subresource]
        entry: JsonObject = (
            same[0] if same else {"manager": manager, "operation": "Update", "apiVersion": kind.api_version}
        )
        if not same:
            entries.append(entry)
        entry |= {"time": stamp(self._now()), "fieldsType": "FieldsV1"}
        entry["fieldsV1"] = merge_fields(entry.get("fieldsV1", {}), fields)
        if subresource:
            entry["subresource"] = subresource
        after["metadata"]["managedFields"] = entries


def _owners(obj: JsonObject | None) -> list[str]:
    references = obj["metadata"].get("ownerReferences") if obj else None
    return [reference.get("uid", "") for reference in references] if references else []
