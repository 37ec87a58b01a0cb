"""Finds resource requests that a rollout changed: they decide where pods fit, and what a quota still allows."""

from collections.abc import Iterator

from agents.cicd.telling import PartChange, change_spec, fields_of, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.quantity import read_bytes, read_cores
from tools.kubernetes.revision import Rollouts

SPEC = change_spec(
    "change.requests_changed",
    "A rollout changed what a container requests (or a limit of another resource than CPU and memory).",
    before_bytes="memory request before, bytes",
    after_bytes="memory request after, bytes",
    before_cores="CPU request before, cores",
    after_cores="CPU request after, cores",
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container and rollout."""
    for one in part_changes(sightings, scene, TemplatePart.REQUESTS):
        memory, cpu = _of(one, "requests.memory"), _of(one, "requests.cpu")
        if _same(one):
            continue
        yield tell(
            SPEC,
            one,
            does=f"changed what {one.where} requests: {fields_of(one).replace('resources.requests.', '')}",
            scene=scene,
            detector=DETECTOR.name,
            before_bytes=read_bytes(memory[0]),
            after_bytes=read_bytes(memory[1]),
            before_cores=read_cores(cpu[0]),
            after_cores=read_cores(cpu[1]),
        )


def _of(one: PartChange, field: str) -> tuple[str | None, str | None]:
    found = next((change for change in one.changes if change.path.endswith(field)), None)
    return (found.before, found.after) if found else (None, None)


def _same(one: PartChange) -> bool:
    """Whether nothing but the way of writing the same quantities changed."""
    pairs = [(read_cores(change.before), read_cores(change.after)) for change in one.changes]
    return all(before is not None and before == after for before, after in pairs)


DETECTOR = Detector(name="cicd.requests_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
