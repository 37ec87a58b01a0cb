"""Finds writes to the data of ConfigMaps and Secrets, and which workloads use them. Values are never known here."""

from collections.abc import Iterator

from agents.cicd.edits import config_writes
from agents.cicd.happenings import label
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, listed
from incidents.action import name_of
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.config_ref import ConfigRefs

ATTRIBUTES = {
    "keys": "keys that its writer owns, comma separated; at least one was written then",
    "actor": "client that wrote it",
    "created": "whether the object was created by it",
}
CONFIGMAP = FactSpec(
    kind=FactKind("change.configmap_edited"),
    role=FactRole.CHANGE,
    meaning="The data of a ConfigMap that workloads use was written.",
    attributes=ATTRIBUTES,
)
SECRET = FactSpec(
    kind=FactKind("change.secret_edited"),
    role=FactRole.CHANGE,
    meaning="The data of a Secret that workloads use was written.",
    attributes=ATTRIBUTES,
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per object and writer."""
    period = period_of(scene)
    for write in config_writes(sightings):
        if write.at is None or not period.holds(write.at, entities=(write.entity, *write.related)):
            continue
        users = [name_of(one) for one in write.related]
        used = f", used by {listed(users)}" if users else ""
        did = "was created" if write.created else "was edited"
        keys = f" ({listed(write.keys)})"
        did_at = f"{did}{keys} at {clock_time(write.at, now=scene.now)} by {write.manager}"
        yield state(
            SECRET if f"/{EntityKind.SECRET}/" in write.entity else CONFIGMAP,
            entity=write.entity,
            text=f"{label(write.entity)}{used}, {did_at}",
            seen=(write.seen,),
            at=write.at,
            related=write.related,
            detector=DETECTOR.name,
            keys=", ".join(write.keys),
            actor=write.manager,
            created=write.created,
        )


DETECTOR = Detector(name="cicd.config_edited", emits=(CONFIGMAP, SECRET), needs=(ConfigRefs,), detect=detect)
