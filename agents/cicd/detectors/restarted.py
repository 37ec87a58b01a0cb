"""Finds rollouts that only made pods new (`kubectl rollout restart`): no field that matters changed."""

from collections.abc import Iterator

from agents.cicd.telling import change_spec, tell_deploy, told, when
from agents.cicd.template_part import TemplatePart, part_of
from agents.detector import Detector, Scene, Sightings
from incidents.action import name_of
from incidents.fact import Fact
from tools.kubernetes.revision import Rollouts

SPEC = change_spec("change.restarted", "All pods were made new by a restart; the template stayed the same.")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per rollout that changed nothing but the mark of a restart."""
    for deploy in told(sightings, scene):
        if deploy.changes and all(part_of(change.path) is TemplatePart.RESTART for change in deploy.changes):
            by = f" by {deploy.actor}" if deploy.actor else ""
            text = f"{name_of(deploy.workload)} was restarted{when(deploy, scene)}{by}"
            yield tell_deploy(SPEC, deploy, text=text, detector=DETECTOR.name, changes=deploy.changes)


DETECTOR = Detector(name="cicd.restarted", emits=(SPEC,), needs=(Rollouts,), detect=detect)
