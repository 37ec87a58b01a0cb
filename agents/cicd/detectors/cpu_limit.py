"""Finds CPU limits that a rollout lowered or raised."""

from collections.abc import Iterator

from agents.cicd.limits import Limited
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.quantity import read_cores
from tools.kubernetes.revision import Rollouts

LIMIT = Limited(resource="cpu", said="CPU", unit="cores", part=TemplatePart.CPU_LIMIT, read=read_cores)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container and rollout; `1 -> 1000m` is no change."""
    return LIMIT.changes(sightings, scene, detector=DETECTOR.name)


DETECTOR = Detector(name="cicd.cpu_limit", emits=(LIMIT.lowered, LIMIT.raised), needs=(Rollouts,), detect=detect)
