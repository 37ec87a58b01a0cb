"""Says of every rollout that it happened: which revision, from which, how many fields, by whom."""

from collections.abc import Iterator
from datetime import datetime

from agents.cicd.deploys import Deploy
from agents.cicd.telling import PROVENANCE, provenance, told, when
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import count
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.revision import Rollouts

SPEC = FactSpec(
    kind=FactKind("change.deployed"),
    role=FactRole.CHANGE,
    meaning="A new revision of the workload's pod template was rolled out.",
    attributes={
        **PROVENANCE,
        "fields": "how many fields of the template changed",
        "cause": "change-cause annotation, else the title of the commit, when one is known",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per rollout of the period."""
    for deploy in told(sightings, scene):
        yield state(
            SPEC,
            entity=deploy.workload,
            text=_text(deploy, scene),
            seen=deploy.seen,
            at=deploy.at,
            until=_replaced_whole(deploy),
            detector=DETECTOR.name,
            more={
                "fields": len(deploy.changes),
                "cause": deploy.revision.cause or (deploy.origin.title if deploy.origin else None) or None,
                **provenance(deploy),
            },
        )


def _text(deploy: Deploy, scene: Scene) -> str:
    name, number = name_of(deploy.workload), deploy.revision.number
    step = f"revision {number}, its first" if deploy.first else f"revision {number}"
    if deploy.previous:
        step = f"revision {deploy.previous.number} -> {number}, {count(len(deploy.changes), 'field')}"
    begin = f"{deploy.name} rolled out {name} ({step})"
    if deploy.name == f"revision {number}":
        begin = f"{name} was rolled out ({step})"
    by = f" by {deploy.person}" if deploy.person else ""
    return f"{begin}{when(deploy, scene)}{by}"


def _replaced_whole(deploy: Deploy) -> datetime | None:
    """When the template before it came back; None while any of it stands."""
    if deploy.previous is None:
        return None
    before = deploy.previous.template_digest
    return next((one.at for one in deploy.later if one.revision.template_digest == before), None)


DETECTOR = Detector(name="cicd.deployed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
