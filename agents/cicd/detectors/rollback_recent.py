"""Finds rollbacks: a template that had been there before is the wanted one again."""

from collections.abc import Iterator

from agents.cicd.deploys import Deploy
from agents.cicd.telling import PROVENANCE, provenance, told, when
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.revision import Rollouts

SPEC = FactSpec(
    kind=FactKind("rollback.recent"),
    role=FactRole.CHANGE,
    meaning="The workload was rolled back to a template that it had before.",
    attributes={**PROVENANCE, "to_revision": "number that this template had before"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per rollback of the period."""
    deploys = told(sightings, scene)
    for deploy in deploys:
        to = _to(deploy, deploys)
        if to is None:
            continue
        by = f" by {deploy.actor}" if deploy.actor else ""
        yield state(
            SPEC,
            entity=deploy.workload,
            text=f"{name_of(deploy.workload)} was rolled back to revision {to}{when(deploy, scene)}{by}",
            seen=deploy.seen,
            at=deploy.at,
            detector=DETECTOR.name,
            more={"to_revision": to, **provenance(deploy)},
        )


def _to(deploy: Deploy, among: tuple[Deploy, ...]) -> int | None:
    """The earlier number of the same template: as the controller notes it, else by an equal template that is kept."""
    if deploy.returns_to is not None:
        return deploy.returns_to
    same = [
        one.revision.number
        for one in among
        if one.workload == deploy.workload
        and one.revision.number < deploy.revision.number
        and one.revision.template_digest == deploy.revision.template_digest
    ]
    return max(same, default=None)


DETECTOR = Detector(name="cicd.rollback_recent", emits=(SPEC,), needs=(Rollouts,), detect=detect)
