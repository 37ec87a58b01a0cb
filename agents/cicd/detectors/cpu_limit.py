"""Finds CPU limits that a rollout lowered or raised. No limit is the highest limit."""

import math
from collections.abc import Iterator

from agents.cicd.telling import change_spec, from_to, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.quantity import read_cores
from tools.kubernetes.revision import Rollouts

LOWERED = change_spec(
    "change.cpu_limit_lowered",
    "A rollout lowered a container's CPU limit, or set one where there was none.",
    before_cores="limit before, cores; absent when there was none",
    after_cores="limit after, cores",
)
RAISED = change_spec(
    "change.cpu_limit_raised",
    "A rollout raised a container's CPU limit, or removed it.",
    before_cores="limit before, cores",
    after_cores="limit after, cores; absent when it was removed",
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container and rollout; `1 -> 1000m` is no change."""
    for one in part_changes(sightings, scene, TemplatePart.CPU_LIMIT):
        change = one.changes[0]
        before, after = read_cores(change.before), read_cores(change.after)
        if before == after:
            continue
        lowered = (math.inf if after is None else after) < (math.inf if before is None else before)
        yield tell(
            LOWERED if lowered else RAISED,
            one,
            does=f"{'lowered' if lowered else 'raised'} the CPU limit of {one.where} {from_to(change)}",
            scene=scene,
            detector=DETECTOR.name,
            before_cores=before,
            after_cores=after,
        )


DETECTOR = Detector(name="cicd.cpu_limit", emits=(LOWERED, RAISED), needs=(Rollouts,), detect=detect)
