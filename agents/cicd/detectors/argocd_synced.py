"""States what each Argo CD application was synchronised to last, when, and what it was before."""

from collections.abc import Iterator

from agents.cicd.gitops import Deployer, deployers
from agents.cicd.period import RECENT, period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.argocd.probes.applications import ApplicationsView

SPEC = FactSpec(
    kind=FactKind("argocd.synced"),
    role=FactRole.STATE,
    meaning="What an Argo CD application was synchronised to last. Everything that it manages was written by that.",
    attributes={
        "commit": "commit that was synchronised",
        "history_id": "number of that sync in the application's history",
        "previous_history_id": "number of the sync before it; absent when it is the first that is kept",
        "actor": "who asked for it; absent for automated sync",
    },
)
SHORT_SHA = 7


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per application that was synchronised in the day before the onset, or since."""
    earliest = period_of(scene).onset - RECENT
    for one in deployers(sightings):
        history = one.application.history
        if history and history[-1].deployed_at and history[-1].deployed_at >= earliest:
            yield _fact(one, scene)


def _fact(one: Deployer, scene: Scene) -> Fact:
    history = one.application.history
    last, before = history[-1], history[-2] if len(history) > 1 else None
    when = f" at {clock_time(last.deployed_at, now=scene.now)}" if last.deployed_at else ""
    return state(
        SPEC,
        entity=one.entity,
        text=f"application {one.application.name} was synchronised to {last.revision[:SHORT_SHA]}{when}",
        seen=(one.seen,),
        at=last.deployed_at,
        related=one.workloads,
        detector=DETECTOR.name,
        commit=last.revision or None,
        history_id=last.id,
        previous_history_id=before.id if before else None,
        actor=last.initiated_by or None,
    )


DETECTOR = Detector(name="cicd.argocd_synced", emits=(SPEC,), needs=(ApplicationsView,), detect=detect)
