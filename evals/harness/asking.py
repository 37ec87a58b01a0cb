"""How a served world's trouble reaches Midwatch: by the alerts that its own Alertmanager tells, or as a question."""

from incidents.alert import Alert, AlertStatus
from incidents.correlation import HEARTBEATS
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId, Fingerprint
from worlds.alertmanager.alert import Alert as Kept
from worlds.scenario.estate import Estate as Described
from worlds.scenario.workload import WorkloadKind
from worlds.world import Estate

AMBIENT = "AmbientLook"
"""Name of the question that is asked where nothing alerts: is anything wrong here?"""
_NO_ALERT = Fingerprint("0" * 16)


def firing(estate: Estate) -> tuple[Alert, ...]:
    """The alerts that were told by now: firing, and muted by nothing."""
    manager, now = estate.alertmanager, estate.now()
    kept = [one for one in manager.alerts.values() if not one.resolved_at(now)]
    told = [o for o in kept if not manager.silenced_by(o, now=now) and not manager.inhibited_by(o, now=now)]
    return tuple(_alert(one) for one in sorted(told, key=lambda one: (one.starts_at, one.fingerprint)))


def still_firing(estate: Estate, alerts: tuple[Alert, ...]) -> int:
    """How many of these alerts have not resolved. A silence resolves nothing."""
    now, kept = estate.now(), estate.alertmanager.alerts
    return sum(1 for a in alerts if a.fingerprint in kept and not kept[str(a.fingerprint)].resolved_at(now))


def asked(estate: Estate) -> tuple[tuple[Alert, ...], tuple[EntityId, ...]]:
    """The alerts of now, or where nothing alerts the ambient question; and what is looked at besides."""
    alerts = tuple(alert for alert in firing(estate) if alert.name not in HEARTBEATS)
    if alerts:
        return alerts, ()
    question, entities = ambient(estate)
    return (question,), entities


def ambient(estate: Estate) -> tuple[Alert, tuple[EntityId, ...]]:
    """The question about the whole estate, and every workload in it."""
    described = estate.scenario.estate
    now = estate.now()
    labels = {"alertname": AMBIENT, "severity": "info", "cluster": described.cluster}
    alert = Alert(fingerprint=_NO_ALERT, status=AlertStatus.FIRING, labels=labels, starts_at=now)
    return alert, _workloads(described)


def _workloads(described: Described) -> tuple[EntityId, ...]:
    return tuple(
        Entity(cluster=described.cluster, namespace=w.namespace, kind=EntityKind(w.kind.value.lower()), name=w.name).id
        for w in described.workloads
        if w.kind is not WorkloadKind.EXTERNAL
    )


def _alert(kept: Kept) -> Alert:
    return Alert(
        fingerprint=Fingerprint(kept.fingerprint),
        status=AlertStatus.FIRING,
        labels=dict(kept.labels),
        annotations=dict(kept.annotations),
        starts_at=kept.starts_at,
        generator_url=kept.generator_url,
    )
