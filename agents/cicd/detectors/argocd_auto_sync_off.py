"""Finds Argo CD applications that people synchronise: a merged fix does not reach the cluster by itself."""

from collections.abc import Iterator

from agents.cicd.gitops import deployers
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.argocd.probes.applications import ApplicationsView

SPEC = FactSpec(
    kind=FactKind("argocd.auto_sync_off"),
    role=FactRole.STATE,
    meaning="An Argo CD application has no automated sync.",
    attributes={"sync": "Synced, OutOfSync or Unknown"},
)


def detect(sightings: Sightings, _: Scene) -> Iterator[Fact]:
    """One fact per application without automated sync."""
    for one in deployers(sightings):
        if one.application.auto_sync is None:
            yield state(
                SPEC,
                entity=one.entity,
                text=f"application {one.application.name} is not synchronised automatically",
                seen=(one.seen,),
                at=None,
                related=one.workloads,
                detector=DETECTOR.name,
                sync=one.application.sync or None,
            )


DETECTOR = Detector(name="cicd.argocd_auto_sync_off", emits=(SPEC,), needs=(ApplicationsView,), detect=detect)
