"""Finds pod labels that a rollout changed and something may select by; version and commit labels are left out."""

from collections.abc import Iterator

from agents.cicd.telling import change_spec, fields_of, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.revision import Rollouts

SPEC = change_spec(
    "change.labels_changed", "A rollout changed pod labels that services, policies and monitors may select by."
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per rollout, and per container that it concerns."""
    for one in part_changes(sightings, scene, TemplatePart.LABELS):
        does = f"changed the pod labels of {one.where}: {fields_of(one)}"
        yield tell(SPEC, one, does=does, scene=scene, detector=DETECTOR.name)


DETECTOR = Detector(name="cicd.labels_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
