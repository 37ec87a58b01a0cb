"""Finds references to ConfigMaps, Secrets and service accounts that a rollout changed."""

from collections.abc import Iterator

from agents.cicd.telling import PartChange, change_spec, fields_of, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.revision import Rollouts

SPEC = change_spec(
    "change.config_ref_changed",
    "A rollout made the workload use another ConfigMap, Secret, key or service account.",
    name="name of the object that is used now; absent when several changed",
)
_NAMES = ("configMap.name", "secret.secretName", "Ref.name", "serviceAccountName")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per rollout, and per container that it concerns."""
    for one in part_changes(sightings, scene, TemplatePart.CONFIG_REF):
        does = f"changed what configuration {one.where} uses: {fields_of(one)}"
        yield tell(SPEC, one, does=does, scene=scene, detector=DETECTOR.name, name=_name(one))


def _name(one: PartChange) -> str | None:
    names = {change.after for change in one.changes if change.path.endswith(_NAMES) and change.after}
    return names.pop() if len(names) == 1 else None


DETECTOR = Detector(name="cicd.config_ref_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
