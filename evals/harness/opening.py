"""An incident out of alerts, as intake would open it, without a database: all alerts of an episode are one incident."""

from collections.abc import Sequence
from datetime import datetime

from incidents.alert import Alert
from incidents.correlation import HEARTBEATS, Arriving
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.incident import Incident, Phase
from incidents.pointing import entity_of
from orchestrator.intake.opening import entities_of, incident_id, start_of, title_of
from orchestrator.settings import SeverityMap
from orchestrator.version import GRAPH_VERSION

SEVERITIES = SeverityMap()
"""How words of alerts map onto severities where nobody set it otherwise."""


def opened(
    alerts: Sequence[Alert], *, cluster: str, now: datetime, entities: Sequence[EntityId] = ()
) -> tuple[Incident, tuple[Alert, ...]]:
    """The incident and its alerts, earliest first. `entities` are looked at first, whatever the alerts point at.

    Raises ValueError without an alert.
    """
    order = sorted(
        (alert for alert in alerts if alert.name not in HEARTBEATS),
        key=lambda alert: (alert.starts_at, alert.fingerprint),
    )
    if not order:
        raise ValueError("an incident needs an alert: give at least one that is not a heartbeat")
    first = min(order, key=lambda alert: (SEVERITIES.of(alert.labels), alert.starts_at))
    pointed = entities_of([_arriving(alert, cluster=cluster) for alert in order])
    return Incident(
        id=incident_id(order[0], opened_at=now),
        title=title_of(first),
        severity=min(SEVERITIES.of(alert.labels) for alert in order),
        phase=Phase.INVESTIGATING,
        cluster=cluster,
        entities=tuple(dict.fromkeys((*entities, *pointed))) or (_whole(cluster),),
        opened_at=now,
        started_at=start_of(order, now=now),
        graph_version=GRAPH_VERSION,
    ), tuple(order)


def _arriving(alert: Alert, *, cluster: str) -> Arriving:
    entity = entity_of(alert.labels, cluster=cluster)
    return Arriving(alert=alert, cluster=cluster, entity=entity, group_key="", group_labels={})


def _whole(cluster: str) -> EntityId:
    return Entity(cluster=cluster, kind=EntityKind.CLUSTER, name=cluster).id
