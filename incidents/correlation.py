"""Where an alert belongs: into an open incident with the reason, into a new one, or nowhere.

Pure; intake stores the answer.

Two alerts belong together when Alertmanager groups them, when they are about the same thing, or when they are about
things that call, host or select each other, as long as they come close in time.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import product

from incidents.alert import Alert, AlertStatus
from incidents.entity import WORKLOADS, Entity, EntityKind
from incidents.ids import EntityId, Fingerprint, IncidentId
from incidents.incident import CLOSED, JoinReason, Phase
from incidents.topology import Topology
from incidents.value import Value

HEARTBEATS = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})
"""Alerts of kube-prometheus that always fire, or only silence others.

Their absence says something, their presence nothing.
"""

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
    if arriving.alert.name in HEARTBEATS:
        return Ignored(because=f"{arriving.alert.name} is a dead man's switch")
    candidates = sorted(
        (i for i in among if i.phase not in CLOSED and i.cluster == arriving.cluster),
        key=lambda i: (i.last_alert_at, i.id),
        reverse=True,
    )
    for rule in (_same_alert, _same_entity, _same_group):
        for incident in candidates:
            if found := rule(arriving, incident, now):
                return found
    for incident in candidates:
        if found := _neighbour(arriving, incident, topology, now):
            return found
    if arriving.alert.status is AlertStatus.RESOLVED:
        return Ignored(because="it was resolved before it was seen firing")
    return Opened(because=_nothing_fits(arriving, candidates))


def related(one: EntityId, other: EntityId, *, topology: Topology) -> str | None:
    """How two entities touch each other, in words; None when they do not."""
    for near, far in product(topology.behind(one), topology.behind(other)):
        if how := _touches(near, far, topology):
            return how
    return None


def _touches(one: EntityId, other: EntityId, topology: Topology) -> str | None:
    if same_thing(one, other):
        return "is the same workload as"
    for near, far, words in ((one, other, ("calls", "runs on")), (other, one, ("is called by", "hosts"))):
        if far in topology.callees(near):
            return words[0]
        if far in topology.nodes_of(near):
            return words[1]
    return None


def same_thing(one: EntityId, other: EntityId) -> bool:
    """Equal, or a service and a workload of one name in one namespace: alerts name either."""
    if one == other:
        return True
    a, b = Entity.parse(one), Entity.parse(other)
    alike = WORKLOADS | {EntityKind.SERVICE}
    return a.cluster == b.cluster and a.namespace == b.namespace and a.name == b.name and {a.kind, b.kind} <= alike


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


def _neighbour(arriving: Arriving, incident: OpenIncident, topology: Topology, now: datetime) -> Joined | None:
    entity = arriving.entity
    if entity is None or not _points_at_something(entity) or not _within(NEIGHBOUR_WINDOW, incident, now):
        return None
    for known in incident.entities:
        if how := related(entity, known, topology=topology):
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


def _nothing_fits(arriving: Arriving, candidates: Collection[OpenIncident]) -> str:
    if not candidates:
        return f"no incident is open in {arriving.cluster}"
    return f"none of the {len(candidates)} open incidents shares its group, its entity or a neighbour in time"
