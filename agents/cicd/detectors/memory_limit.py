"""Finds memory limits that a rollout lowered or raised. No limit is the highest limit."""

import math
from collections.abc import Iterator

from agents.cicd.telling import change_spec, from_to, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.quantity import read_bytes
from tools.kubernetes.revision import Rollouts

LOWERED = change_spec(
    "change.memory_limit_lowered",
    "A rollout lowered a container's memory limit, or set one where there was none.",
    before_bytes="limit before, bytes; absent when there was none",
    after_bytes="limit after, bytes",
)
RAISED = change_spec(
    "change.memory_limit_raised",
    "A rollout raised a container's memory limit, or removed it.",
    before_bytes="limit before, bytes",
    after_bytes="limit after, bytes; absent when it was removed",
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container and rollout; `512Mi -> 0.5Gi` is no change."""
    for one in part_changes(sightings, scene, TemplatePart.MEMORY_LIMIT):
        change = one.changes[0]
        before, after = read_bytes(change.before), read_bytes(change.after)
        if before == after:
            continue
        lowered = (math.inf if after is None else after) < (math.inf if before is None else before)
        yield tell(
            LOWERED if lowered else RAISED,
            one,
            does=f"{'lowered' if lowered else 'raised'} the memory limit of {one.where} {from_to(change)}",
            scene=scene,
            detector=DETECTOR.name,
            before_bytes=before,
            after_bytes=after,
        )


DETECTOR = Detector(name="cicd.memory_limit", emits=(LOWERED, RAISED), needs=(Rollouts,), detect=detect)
