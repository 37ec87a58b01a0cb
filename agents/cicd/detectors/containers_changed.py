"""Finds containers that a rollout added or removed as a whole: sidecars, init containers."""

from collections.abc import Iterator

from agents.cicd.telling import change_spec, moved_containers, tell_deploy, told, when
from agents.detector import Detector, Scene, Sightings
from agents.wording import listed
from incidents.action import name_of
from incidents.fact import Fact
from tools.kubernetes.field_path import place_of
from tools.kubernetes.revision import Rollouts

SPEC = change_spec(
    "change.containers_changed",
    "A rollout added or removed containers of the pod.",
    added="containers that are new, comma separated",
    removed="containers that are gone, comma separated",
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per rollout."""
    for deploy in told(sightings, scene):
        moved = sorted(moved_containers(deploy))
        if not moved:
            continue
        added = [name for name in moved if deploy.revision.template.container(name)]
        removed = [name for name in moved if name not in added]
        did = [f"{verb} {listed(names)}" for verb, names in (("added", added), ("removed", removed)) if names]
        yield tell_deploy(
            SPEC,
            deploy,
            text=f"{deploy.name} {' and '.join(did)} in the pods of {name_of(deploy.workload)}{when(deploy, scene)}",
            detector=DETECTOR.name,
            changes=tuple(change for change in deploy.changes if place_of(change.path).container in moved),
            added=", ".join(added) or None,
            removed=", ".join(removed) or None,
        )


DETECTOR = Detector(name="cicd.containers_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
