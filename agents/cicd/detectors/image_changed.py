"""Finds images that a rollout changed."""

from collections.abc import Iterator

from agents.cicd.telling import change_spec, from_to, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.action import FieldChange
from incidents.fact import Fact
from tools.kubernetes.revision import Rollouts

SPEC = change_spec("change.image_changed", "A rollout brought another image.")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container and rollout."""
    for one in part_changes(sightings, scene, TemplatePart.IMAGE):
        yield tell(
            SPEC,
            one,
            does=f"changed the image of {one.where} {short_images(one.changes[0])}",
            scene=scene,
            detector=DETECTOR.name,
        )


def short_images(change: FieldChange) -> str:
    """`1.42.0 -> 1.42.1` while only the tag differs, else both images whole."""
    before, after = change.before or "", change.after or ""
    repository, _, old = _cut(before)
    other, _, new = _cut(after)
    return f"{old} -> {new}" if repository == other and old and new else from_to(change)


def _cut(image: str) -> tuple[str, str, str]:
    """Repository, separator and tag or digest."""
    if "@" in image:
        return image.partition("@")
    head, colon, tag = image.rpartition(":")
    return (head, colon, tag) if colon and "/" not in tag else (image, "", "")


DETECTOR = Detector(name="cicd.image_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
