"""Finds liveness, readiness and startup probes that a rollout added, changed or removed."""

from collections.abc import Iterator
from dataclasses import replace

from agents.cicd.telling import PartChange, change_spec, from_to, part_changes, short_field, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from agents.wording import listed
from incidents.fact import Fact
from tools.kubernetes.revision import Rollouts

SPEC = change_spec(
    "change.probe_changed",
    "A rollout changed a probe of a container.",
    probe="liveness, readiness or startup",
)
PROBES = ("liveness", "readiness", "startup")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container, probe and rollout."""
    for whole in part_changes(sightings, scene, TemplatePart.PROBE):
        for probe in PROBES:
            changes = tuple(c for c in whole.changes if short_field(c).startswith(f"{probe}Probe"))
            if changes:
                one = replace(whole, changes=changes)
                yield tell(SPEC, one, does=_does(one, probe), scene=scene, detector=DETECTOR.name, probe=probe)


def _does(one: PartChange, probe: str) -> str:
    if all(change.before is None for change in one.changes) and len(one.changes) > 1:
        return f"added a {probe} probe to {one.where}"
    if all(change.after is None for change in one.changes) and len(one.changes) > 1:
        return f"removed the {probe} probe of {one.where}"
    names = [short_field(change).partition(".")[2] for change in one.changes]
    what = f"{names[0]} {from_to(one.changes[0])}" if len(names) == 1 else listed(names)
    return f"changed the {probe} probe of {one.where}: {what}"


DETECTOR = Detector(name="cicd.probe_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
