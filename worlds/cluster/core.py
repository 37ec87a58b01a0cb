"""The cluster: a store, an agenda and controllers that react to every change until nothing is left to do.

Virtual time only moves through `Cluster.run_until`; between two moments the cluster is settled. So its state is a
function of the scenario, the seed, and what was changed when.
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from worlds.cluster.agenda import Agenda, Appointment
from worlds.cluster.chance import Chance
from worlds.objects.kinds import JsonObject, Kind, kind_named
from worlds.objects.store import Change, ObjectStore, stamp

# More rounds than any real chain of reactions needs; two controllers that fight each other would never end.
_MOST_REACTIONS = 50_000
_MOMENTS_KEPT = 1024


class Controller(Protocol):
    """Brings the world closer to what one object says. Called again whenever something it may care about changed."""

    @property
    def watches(self) -> tuple[Kind, ...]:
        """The kinds of whose changes it wants to hear; none for all."""
        ...

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """Return namespace and name of the objects to look at again after a change."""
        ...

    def reconcile(self, namespace: str, name: str) -> None:
        """Look at one object and do the next step. It may be gone."""
        ...


class Cluster:
    """Store, time and the controllers' queue. `started` is unix seconds."""

    def __init__(self, *, seed: int, started: float) -> None:
        self.now = started
        self.chance = Chance(seed)
        self.agenda = Agenda()
        self.store = ObjectStore(now=self.moment, new_uid=self.chance.uid)
        self._controllers: list[Controller] = []
        self._watching: dict[str, list[Controller]] = {}
        self._queue: deque[tuple[Controller, tuple[str, str]]] = deque()
        self._queued: set[tuple[int, tuple[str, str]]] = set()
        self.store.subscribe(self._on_change)

    def moment(self) -> datetime:
        """Return the virtual time."""
        return moment_at(self.now)

    def timestamp(self) -> str:
        """Return the virtual time as Kubernetes writes it."""
        return stamp(self.moment())

    def micro_timestamp(self) -> str:
        """Return the virtual time as leases write it."""
        return self.moment().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def add(self, controller: Controller) -> None:
        """Let a controller react from now on."""
        self._controllers.append(controller)
        self._watching.clear()

    def after(self, delay: float, action: Callable[[], object]) -> Appointment:
        """Plan an action `delay` seconds from now."""
        return self.agenda.put(self.now + delay, action)

    def look_again(self, controller: Controller, namespace: str, name: str, *, after: float = 0.0) -> None:
        """Queue an object for a controller, now or later."""
        if after > 0:
            self.after(after, lambda: self._enqueue(controller, (namespace, name)))
        else:
            self._enqueue(controller, (namespace, name))

    def run_until(self, end: float) -> None:
        """Do everything that is due up to `end` (unix seconds)."""
        self.settle()
        while self.agenda.next_at() <= end:
            self.run_next()
        self.now = max(self.now, end)

    def run_next(self) -> None:
        """Do the next planned action and what follows from it at the same moment."""
        appointment = self.agenda.take()
        self.now = max(self.now, appointment.at)
        appointment.action()
        self.settle()

    def settle(self) -> None:
        """Let the controllers react until nothing is left to do."""
        for _ in range(_MOST_REACTIONS):
            if not self._queue:
                return
            controller, key = self._queue.popleft()
            self._queued.discard((id(controller), key))
            controller.reconcile(*key)
        raise RuntimeError("the controllers do not come to rest: two of them undo each other's work")

    def _on_change(self, change: Change) -> None:
        for controller in self._who_watches(change.kind):
            for key in controller.concerns(change):
                self._enqueue(controller, key)

    def _who_watches(self, kind: Kind) -> list[Controller]:
        if kind.key not in self._watching:
            found = [one for one in self._controllers if not one.watches or kind in one.watches]
            self._watching[kind.key] = found
        return self._watching[kind.key]

    def _enqueue(self, controller: Controller, key: tuple[str, str]) -> None:
        if (id(controller), key) not in self._queued:
            self._queued.add((id(controller), key))
            self._queue.append((controller, key))


@lru_cache(maxsize=_MOMENTS_KEPT)
def moment_at(seconds: float) -> datetime:
    """Return the time of unix seconds."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def owner_of(obj: JsonObject, *, kind: str) -> str | None:
    """Return the name of the controlling owner of a kind, or None."""
    for owner in obj["metadata"].get("ownerReferences", []):
        if owner.get("controller") and owner["kind"] == kind:
            return str(owner["name"])
    return None


def owner_reference(owner: JsonObject) -> JsonObject:
    """Return the reference that a controller puts on what it makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned_by(owner: JsonObject, obj: JsonObject) -> bool:
    """Say whether an object is controlled by this owner."""
    uid = owner["metadata"]["uid"]
    return any(ref["uid"] == uid and ref.get("controller") for ref in obj["metadata"].get("ownerReferences", ()))


def controlled(store: ObjectStore, owner: JsonObject, *, kind: Kind) -> list[JsonObject]:
    """Return the objects of a kind that an owner controls, in the order of their names."""
    meta = owner["metadata"]
    found = store.dependents(kind, owners=(meta["uid"],), namespace=meta["namespace"])
    return [obj for obj in found if owned_by(owner, obj)]


def key_of(obj: JsonObject) -> tuple[str, str]:
    """Return namespace and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def changed_owner(change: Change, *, of: Kind | str, kind: str) -> list[tuple[str, str]]:
    """Return the owner's key when an owned object of this kind changed."""
    wanted = of if isinstance(of, Kind) else kind_named(of)
    if change.kind.key != wanted.key:
        return []
    name = owner_of(change.object, kind=kind)
    return [(change.object["metadata"].get("namespace", ""), name)] if name else []
