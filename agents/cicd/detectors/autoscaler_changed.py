"""Finds autoscalers whose bounds or measures were changed."""

from collections.abc import Iterator

from agents.cicd.written import written, written_spec
from agents.detector import Detector, Scene, Sightings
from incidents.entity import EntityKind
from incidents.fact import Fact
from tools.kubernetes.autoscaler import Autoscalers

SPEC = written_spec(
    "change.autoscaler_changed", "A horizontal pod autoscaler was created or changed: its bounds or what it measures."
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per object and writer."""
    return written(sightings, scene, kind=EntityKind.HPA, spec=SPEC, detector=DETECTOR.name)


DETECTOR = Detector(name="cicd.autoscaler_changed", emits=(SPEC,), needs=(Autoscalers,), detect=detect)
