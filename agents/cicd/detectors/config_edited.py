"""Finds writes to the data of ConfigMaps and Secrets, and which workloads use them. Values are never known here."""

from collections.abc import Iterator, Sequence

from agents.cicd.drift import Drift, drifts_of
from agents.cicd.edits import Write, config_writes
from agents.cicd.happenings import label
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, listed
from incidents.action import name_of
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.config_ref import ConfigRefs

ATTRIBUTES = {
    "keys": "keys that differ from Git where Argo CD compares, else keys that its writer owns; comma separated",
    "removed": "keys that Git has and the object has no longer, comma separated",
    "missing": "keys that templates ask for and that are not there, comma separated",
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
    period, drifts = period_of(scene), drifts_of(sightings)
    dated = [write for write in config_writes(sightings) if write.at is not None]
    for write in period.chosen(dated, at=lambda one: one.at, entities=lambda one: one.touches):
        differing = [one for one in drifts.of(write.entity) if write.manual and write.wrote(one.change.path)]
        yield _fact(write, differing, _missing(write, sightings), scene)


def _fact(write: Write, differing: Sequence[Drift], missing: Sequence[str], scene: Scene) -> Fact:
    keys = [_key(one) for one in differing] or list(write.keys)
    removed = [_key(one) for one in differing if one.change.after is None]
    users = [name_of(one) for one in write.related]
    used = f", used by {listed(users)}," if users else ""
    did = "was created" if write.created else f"lost {listed(removed)}" if removed else "was edited"
    which = f" ({listed(keys)})" if keys and not removed else ""
    lacks = f"; {listed(missing)} is asked for and not there" if missing else ""
    at = f" at {clock_time(write.at, now=scene.now)}" if write.at else ""
    return state(
        SECRET if f"/{EntityKind.SECRET}/" in write.entity else CONFIGMAP,
        entity=write.entity,
        text=f"{label(write.entity)}{used} {did}{which}{at} by {write.manager}{lacks}",
        seen=(write.seen, *(one.seen for one in differing)),
        at=write.at,
        related=write.related,
        detector=DETECTOR.name,
        keys=", ".join(keys) or None,
        removed=", ".join(removed) or None,
        missing=", ".join(missing) or None,
        actor=write.manager,
        created=write.created,
    )


def _missing(write: Write, sightings: Sightings) -> list[str]:
    """Keys that required references of its users name and the object lacks."""
    refs = [ref for seen in sightings.of(ConfigRefs) for ref in seen.view.refs if ref.workload in write.related]
    kind, name = Entity.parse(write.entity).kind, name_of(write.entity)
    mine = [ref for ref in refs if (ref.kind, ref.name) == (kind, name) and not ref.optional]
    return list(dict.fromkeys(ref.key for ref in mine if ref.key_exists is False))


def _key(drift: Drift) -> str:
    return drift.change.path.partition(".")[2]


DETECTOR = Detector(name="cicd.config_edited", emits=(CONFIGMAP, SECRET), needs=(ConfigRefs,), detect=detect)
