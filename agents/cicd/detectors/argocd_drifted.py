"""Finds single objects of Argo CD applications that differ from Git although nothing waits to be synchronised."""

from collections.abc import Iterator

from agents.cicd.gitops import Deployer, deployers
from agents.cicd.happenings import label
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import listed
from incidents.entity import Entity
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.argocd.probes.applications import ApplicationsView
from tools.argocd.probes.diff import DiffView, ResourceDiff
from tools.kubernetes.metadata import entity_id, kind_of
from tools.probe import Observation

SPEC = FactSpec(
    kind=FactKind("argocd.drifted"),
    role=FactRole.STATE,
    meaning="An object of an Argo CD application is not what Git says, and no commit waits: it was changed or deleted.",
    attributes={
        "application": "name of the application",
        "missing": "whether it is in Git and not in the cluster",
        "fields": "fields that differ, comma separated",
    },
)


def detect(sightings: Sightings, _: Scene) -> Iterator[Fact]:
    """One fact per object. What is in the cluster and not in Git is no drift: it may be on its way out."""
    known = {one.application.name: one for one in deployers(sightings) if one.application.level}
    for seen in sightings.of(DiffView):
        one = known.get(seen.view.application)
        for resource in seen.view.resources if one else ():
            if one is not None and not resource.extra:
                yield from _fact(one, resource, seen)


def _fact(one: Deployer, resource: ResourceDiff, seen: Observation[DiffView]) -> Iterator[Fact]:
    kind = kind_of(resource.kind)
    if kind is None:
        return
    namespace = resource.namespace or one.application.destination_namespace
    entity = entity_id(Entity.parse(one.entity).cluster, kind, resource.name, namespace or None)
    fields = [change.path for change in resource.fields]
    what = "is in Git and not in the cluster" if resource.missing else f"differs from Git: {listed(fields)}"
    yield state(
        SPEC,
        entity=entity,
        text=f"{label(entity)} of application {one.application.name} {what}",
        seen=(one.seen, seen),
        at=None,
        related=(one.entity,),
        detector=DETECTOR.name,
        application=one.application.name,
        missing=resource.missing,
        fields=", ".join(fields) or None,
    )


DETECTOR = Detector(name="cicd.argocd_drifted", emits=(SPEC,), needs=(ApplicationsView, DiffView), detect=detect)
