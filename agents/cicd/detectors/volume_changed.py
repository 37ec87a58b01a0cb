"""Finds volumes and mounts that a rollout changed."""

from collections.abc import Iterator

from agents.cicd.telling import change_spec, fields_of, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.revision import Rollouts

SPEC = change_spec("change.volume_changed", "A rollout changed the volumes of the pods or where they are mounted.")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per rollout, and per container that it concerns."""
    for one in part_changes(sightings, scene, TemplatePart.VOLUME):
        does = f"changed the volumes of {one.where}: {fields_of(one)}"
        yield tell(SPEC, one, does=does, scene=scene, detector=DETECTOR.name)


DETECTOR = Detector(name="cicd.volume_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
