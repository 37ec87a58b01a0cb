"""Where an alert belongs: into an open incident with the reason, into a new one, or nowhere.

Pure; intake stores the answer.

Two alerts belong together when Alertmanager groups them, when they are about the same thing, or when they are about
things that call, host or select each other, as long as they come close in time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache

from incidents.alert import Alert, AlertStatus
from incidents.entity import REMEMBERED, WORKLOADS, Entity, EntityKind
from incidents.ids import EntityId, Fingerprint, IncidentId
from incidents.incident import CLOSED, JoinReason, Phase
from incidents.topology import Relation, Topology
from incidents.value import Value

HEARTBEATS = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})
"""Alerts of kube-prometheus that always fire, or only silence others.

Their absence says something, their presence nothing.
"""

ALIKE = WORKLOADS | {EntityKind.SERVICE}
"""Kinds by which alerts name one and the same thing."""

GROUP_WINDOW = timedelta(hours=6)
"""Alertmanager repeats a group every 4 hours by default (`repeat_interval`).

Silence for longer means that the group ended.
"""
ENTITY_WINDOW = timedelta(hours=1)
"""The same thing failing again within the hour is most likely the same trouble."""
NEIGHBOUR_WINDOW = timedelta(minutes=15)
"""Failures reach neighbours within minutes.

Alert rules wait up to 15 minutes (`for: 15m` is kube-prometheus' usual).
"""
REFIRE_AFTER = timedelta(minutes=5)
"""A firing notification of an alert that resolved is a late one until then (Alertmanager retries a notification for
up to its group_interval, 5 minutes by default); after it, the alert fires again with its old start."""


class Arrival(StrEnum):
    """What an alert that arrives is, given what is known of its (fingerprint, start)."""

    NEW = "new"
    RESOLVES = "resolves"
    FIRES_AGAIN = "fires_again"
    REPEAT = "repeat"
    LATE = "late"
    """A firing that was overtaken by its own resolution."""


class Seen(Value):
    """What is known of one (fingerprint, start)."""

    status: AlertStatus
    changed_at: datetime


class OpenIncident(Value):
    """What correlation needs to know of an incident."""

    id: IncidentId
    cluster: str
    phase: Phase
    entities: tuple[EntityId, ...]
    groups: tuple[str, ...]
    fingerprints: frozenset[Fingerprint] = frozenset()
    last_alert_at: datetime


class Joined(Value):
    """The alert belongs to an open incident."""

    incident: IncidentId
    reason: JoinReason
    because: str


class Opened(Value):
    """The alert opens an incident."""

    because: str


class Ignored(Value):
    """The alert neither joins nor opens anything."""

    because: str


class Arriving(Value):
    """An alert with what intake found out about it."""

    alert: Alert
    cluster: str
    entity: EntityId | None
    group_key: str
    group_labels: dict[str, str]


def arrival_of(alert: Alert, *, seen: Seen | None, now: datetime) -> Arrival:
    """Whether an alert says anything new."""
    if seen is None:
        return Arrival.NEW
    if alert.status is seen.status:
        return Arrival.REPEAT
    if alert.status is AlertStatus.RESOLVED:
        return Arrival.RESOLVES
    return Arrival.FIRES_AGAIN if now - seen.changed_at > REFIRE_AFTER else Arrival.LATE


def place(
    arriving: Arriving, *, among: Sequence[OpenIncident], topology: Topology, now: datetime
) -> Joined | Opened | Ignored:
    """Decide where an alert belongs. Of several incidents that fit for the same reason, the one last heard of wins."""
    return Among(among, topology=topology).place(arriving, now=now)


class Among:
    """The open incidents of the moment, found by what an alert can share with them. They only grow meanwhile."""

    def __init__(self, incidents: Iterable[OpenIncident], *, topology: Topology) -> None:
        """Closed ones are left out."""
        self._topology = topology
        self._incidents: dict[IncidentId, OpenIncident] = {}
        self._open: Counter[str] = Counter()
        self._having: dict[_Key, set[IncidentId]] = {}
        for incident in incidents:
            self.put(incident)

    def __iter__(self) -> Iterator[OpenIncident]:
        """Each as it stands now."""
        return iter(self._incidents.values())

    def get(self, incident: IncidentId) -> OpenIncident | None:
        """One of them; None when it is not open."""
        return self._incidents.get(incident)

    def put(self, incident: OpenIncident) -> None:
        """Add an incident, or what it has grown to."""
        if incident.phase in CLOSED:
            return
        before = self._incidents.get(incident.id)
        self._open[incident.cluster] += before is None
        self._incidents[incident.id] = incident
        for key in self._keys(incident, before):
            self._having.setdefault(key, set()).add(incident.id)

    def place(self, arriving: Arriving, *, now: datetime) -> Joined | Opened | Ignored:
        """Decide where an alert belongs: the first reason that holds for any of them, and the one last heard of."""
        if arriving.alert.name in HEARTBEATS:
            return Ignored(because=f"{arriving.alert.name} is a dead man's switch")
        alike: list[tuple[_Rule, list[_Key]]] = [
            (_same_alert, [(_ALERT, arriving.alert.fingerprint)]),
            (_same_entity, [(_THING, _thing(arriving.entity))] if arriving.entity else []),
            (_same_group, [(_GROUP, arriving.group_key)]),
        ]
        for rule, keys in alike:
            for incident in self._latest(keys, cluster=arriving.cluster):
                if found := rule(arriving, incident, now):
                    return found
        if arriving.entity is not None and _points_at_something(arriving.entity):
            around = _Surroundings(arriving.entity, self._topology)
            near = [(_BEHIND, thing) for thing in (*around.things, *around.beside)]
            for incident in self._latest(near, cluster=arriving.cluster):
                if found := _neighbour(arriving.entity, incident, around, now):
                    return found
        if arriving.alert.status is AlertStatus.RESOLVED:
            return Ignored(because="it was resolved before it was seen firing")
        return Opened(because=_nothing_fits(arriving, self._open[arriving.cluster]))

    def _latest(self, keys: Iterable["_Key"], *, cluster: str) -> list[OpenIncident]:
        """Those of the cluster with any of the keys, the one last heard of first."""
        ids = frozenset[IncidentId]().union(*(self._having.get(key, ()) for key in keys))
        found = [incident for one in ids if (incident := self._incidents[one]).cluster == cluster]
        return sorted(found, key=lambda i: (i.last_alert_at, i.id), reverse=True)

    def _keys(self, incident: OpenIncident, before: OpenIncident | None) -> Iterator["_Key"]:
        """By what it is found, and was not before."""
        yield from ((_ALERT, one) for one in incident.fingerprints - (before.fingerprints if before else frozenset()))
        yield from ((_GROUP, group) for group in incident.groups if before is None or group not in before.groups)
        for entity in incident.entities:
            if before is None or entity not in before.entities:
                yield _THING, _thing(entity)
                for far in self._topology.behind(entity):
                    yield _BEHIND, far
                    yield _BEHIND, _thing(far)


_Key = tuple[str, str]
_Rule = Callable[[Arriving, OpenIncident, datetime], Joined | None]
_ALERT, _THING, _GROUP, _BEHIND = "alert", "thing", "group", "behind"
"""What can be shared: the label set of an alert, the thing that it is about, Alertmanager's group, what is near."""


def related(one: EntityId, other: EntityId, *, topology: Topology) -> str | None:
    """How two entities touch each other, in words; None when they do not."""
    return _Surroundings(one, topology).touch(other)


def same_thing(one: EntityId, other: EntityId) -> bool:
    """Equal, or a service and a workload of one name in one namespace: alerts name either."""
    return _thing(one) == _thing(other)


@lru_cache(maxsize=REMEMBERED)
def _thing(entity: EntityId) -> EntityId:
    """The same id for what is the same thing: that of the deployment for a service and every kind of workload."""
    parsed = Entity.parse(entity)
    return parsed.model_copy(update={"kind": EntityKind.DEPLOYMENT}).id if parsed.kind in ALIKE else entity


class _Surroundings:
    """What touches an entity, or what is behind it, in words: worked out once and held against many."""

    def __init__(self, entity: EntityId, topology: Topology) -> None:
        self.topology = topology
        self.behind = topology.behind(entity)
        self.things = frozenset(_thing(near) for near in self.behind)

    @cached_property
    def beside(self) -> Mapping[EntityId, str]:
        """Neighbours by call and by node."""
        found: dict[EntityId, str] = {}
        for near in self.behind:
            for others, words in (
                (self.topology.callees(near), "calls"),
                (self.topology.nodes_of(near), "runs on"),
                (self.topology.callers(near), "is called by"),
                (self._hosted(near), "hosts"),
            ):
                found = {**dict.fromkeys(others, words), **found}
        return found

    def touch(self, other: EntityId) -> str | None:
        """How it touches another entity."""
        for far in self.topology.behind(other):
            if _thing(far) in self.things:
                return "is the same workload as"
            if how := self.beside.get(far):
                return how
        return None

    def _hosted(self, node: EntityId) -> set[EntityId]:
        """Whose pods run on a node: everything that owns one of them."""
        found: set[EntityId] = set()
        queue = list(self.topology.sources(node, Relation.RUNS_ON))
        while queue:
            owners = [owner for owner in self.topology.sources(queue.pop(), Relation.OWNS) if owner not in found]
            found.update(owners)
            queue += owners
        return found


def _same_alert(arriving: Arriving, incident: OpenIncident, now: datetime) -> Joined | None:
    if arriving.alert.fingerprint not in incident.fingerprints or not _within(ENTITY_WINDOW, incident, now):
        return None
    return Joined(incident=incident.id, reason=JoinReason.SAME_ALERT, because="the same alert fires again")


def _same_entity(arriving: Arriving, incident: OpenIncident, now: datetime) -> Joined | None:
    entity = arriving.entity
    if entity is None or not _points_at_something(entity) or not _within(ENTITY_WINDOW, incident, now):
        return None
    for known in incident.entities:
        if same_thing(entity, known):
            return Joined(
                incident=incident.id, reason=JoinReason.SAME_ENTITY, because=f"it is about {_label(known)} too"
            )
    return None


def _same_group(arriving: Arriving, incident: OpenIncident, now: datetime) -> Joined | None:
    # A route without group_by puts everything into one group: that says nothing.
    if not arriving.group_labels or arriving.group_key not in incident.groups:
        return None
    if not _within(GROUP_WINDOW, incident, now):
        return None
    labels = ", ".join(f"{name}={value}" for name, value in sorted(arriving.group_labels.items()))
    return Joined(incident=incident.id, reason=JoinReason.SAME_GROUP, because=f"Alertmanager groups them by {labels}")


def _neighbour(entity: EntityId, incident: OpenIncident, around: _Surroundings, now: datetime) -> Joined | None:
    if not _within(NEIGHBOUR_WINDOW, incident, now):
        return None
    for known in incident.entities:
        if how := around.touch(known):
            return Joined(
                incident=incident.id, reason=JoinReason.NEIGHBOUR, because=f"{_label(entity)} {how} {_label(known)}"
            )
    return None


def _label(entity: EntityId) -> str:
    return Entity.parse(entity).label


def _within(span: timedelta, incident: OpenIncident, now: datetime) -> bool:
    return now - incident.last_alert_at <= span


def _points_at_something(entity: EntityId) -> bool:
    """A whole cluster or namespace is too wide to say that two alerts are about the same trouble."""
    return Entity.parse(entity).kind not in (EntityKind.CLUSTER, EntityKind.NAMESPACE)


def _nothing_fits(arriving: Arriving, candidates: int) -> str:
    if not candidates:
        return f"no incident is open in {arriving.cluster}"
    return f"none of the {candidates} open incidents shares its group, its entity or a neighbour in time"
