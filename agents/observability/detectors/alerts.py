"""What else fires, and what is kept quiet."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.names import Names
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from incidents.pointing import entity_of
from tools.alertmanager.client import ActiveAlert
from tools.alertmanager.probes.alerts import AlertsView
from tools.alertmanager.probes.silences import SilencesView

ALSO_FIRING = FactSpec(
    kind=FactKind("alert.also_firing"),
    role=FactRole.SYMPTOM,
    meaning="Another alert, which is not part of this incident, fires at the same time.",
    attributes={"alertname": "its name", "severity": "its severity label"},
)
SILENCED = FactSpec(
    kind=FactKind("alert.silenced"),
    role=FactRole.STATE,
    meaning="An alert fires, and a silence keeps it quiet.",
    attributes={"alertname": "its name", "by": "who made the silence", "comment": "what the silence says"},
)
DEAD_MANS_SWITCHES = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})
"""Alerts that fire while all is well."""
COMMENT = 120
"""Characters of a silence's comment that a fact shows."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per alert that is not of this incident, and one per alert that is silenced."""
    names = Names.of(sightings, scene)
    own = {alert.fingerprint for alert in scene.case.alerts}
    silences = {silence.id: silence for seen in sightings.of(SilencesView) for silence in seen.view.silences}
    for seen in sightings.of(AlertsView):
        for alert in seen.view.alerts:
            if alert.name in DEAD_MANS_SWITCHES:
                continue
            entity = _about(alert, cluster=scene.case.incident.cluster, names=names)
            if alert.fingerprint not in own:
                yield state(
                    ALSO_FIRING,
                    entity=entity,
                    text=f"{alert.name} fires for {_target(alert)}{since(alert.starts_at, now=scene.now)}",
                    seen=[seen],
                    at=alert.starts_at,
                    detector=DETECTOR.name,
                    alertname=alert.name,
                    severity=alert.labels.get("severity"),
                )
            for silence in (silences[one] for one in alert.silenced_by if one in silences):
                comment = " ".join(silence.comment.split())[:COMMENT]
                yield state(
                    SILENCED,
                    entity=entity,
                    text=f"{alert.name} is silenced by {silence.created_by} until {silence.ends_at:%H:%M}: {comment}",
                    seen=[seen, *(s for s in sightings.of(SilencesView) if silence in s.view.silences)],
                    at=None,
                    detector=DETECTOR.name,
                    alertname=alert.name,
                    by=silence.created_by,
                    comment=comment,
                )


def _about(alert: ActiveAlert, *, cluster: str, names: Names) -> EntityId:
    """What the labels name; of a service the workload behind it, when it is known."""
    entity = Entity.parse(entity_of(alert.labels, cluster=cluster))
    found = names.resolve(entity.name, namespace=entity.namespace) if entity.kind is EntityKind.SERVICE else None
    return found or entity.id


def _target(alert: ActiveAlert) -> str:
    labels = ("deployment", "statefulset", "daemonset", "service", "pod", "node", "instance", "namespace")
    return next((alert.labels[label] for label in labels if alert.labels.get(label)), "the cluster")


DETECTOR = Detector(name="observability.alerts", emits=(ALSO_FIRING, SILENCED), needs=(AlertsView,), detect=detect)
