"""Finds network policies that were created or changed: from then on traffic may be blocked."""

from collections.abc import Iterator

from agents.cicd.edits import writes
from agents.cicd.hands import Hand
from agents.cicd.happenings import label
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, listed
from incidents.action import name_of
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.network_policy import NetworkPolicies

SPEC = FactSpec(
    kind=FactKind("change.networkpolicy_changed"),
    role=FactRole.CHANGE,
    meaning="A network policy was created or changed.",
    attributes={
        "fields": "fields that its writer owns, comma separated; at least one was written then",
        "actor": "client that wrote it",
        "created": "whether the object was created by it",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per object and writer."""
    period = period_of(scene)
    for write in writes(sightings):
        if f"/{EntityKind.NETWORKPOLICY}/" not in write.entity or write.hand is Hand.CONTROLLER or write.at is None:
            continue
        if period.holds(write.at, entities=(write.entity, *write.related)):
            did = "was created" if write.created else "was changed"
            about = f" about {listed(name_of(one) for one in write.related)}" if write.related else ""
            yield state(
                SPEC,
                entity=write.entity,
                text=f"{label(write.entity)}{about} {did} at {clock_time(write.at, now=scene.now)} by {write.manager}",
                seen=(write.seen,),
                at=write.at,
                related=write.related,
                detector=DETECTOR.name,
                fields=", ".join(write.fields),
                actor=write.manager,
                created=write.created,
            )


DETECTOR = Detector(name="cicd.networkpolicy_changed", emits=(SPEC,), needs=(NetworkPolicies,), detect=detect)
