"""Finds memory limits that a rollout lowered or raised."""

from collections.abc import Iterator

from agents.cicd.limits import Limited
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.quantity import read_bytes
from tools.kubernetes.revision import Rollouts

LIMIT = Limited(resource="memory", said="memory", unit="bytes", part=TemplatePart.MEMORY_LIMIT, read=read_bytes)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container and rollout; `512Mi -> 0.5Gi` is no change."""
    return LIMIT.changes(sightings, scene, detector=DETECTOR.name)


DETECTOR = Detector(name="cicd.memory_limit", emits=(LIMIT.lowered, LIMIT.raised), needs=(Rollouts,), detect=detect)
