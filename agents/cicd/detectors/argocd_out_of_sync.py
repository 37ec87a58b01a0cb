"""Finds Argo CD applications whose live objects are not what Git says."""

from collections.abc import Iterator

from agents.cicd.gitops import Deployer, deployers
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import listed
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.argocd.probes.applications import ApplicationsView
from tools.argocd.probes.diff import DiffView
from tools.probe import Observation

SPEC = FactSpec(
    kind=FactKind("argocd.out_of_sync"),
    role=FactRole.STATE,
    meaning="An Argo CD application differs from Git: somebody changed the cluster, or a commit is not synchronised.",
    attributes={
        "fields": "what differs, comma separated, where it was compared",
        "objects": "how many objects differ",
        "deployed": "commit that was synchronised last",
        "wanted": "commit that it is compared with",
    },
)


def detect(sightings: Sightings, _: Scene) -> Iterator[Fact]:
    """One fact per application."""
    diffs = {seen.view.application: seen for seen in sightings.of(DiffView)}
    for one in deployers(sightings):
        if one.application.sync == "OutOfSync":
            yield _fact(one, diffs.get(one.application.name))


def _fact(one: Deployer, diff: Observation[DiffView] | None) -> Fact:
    app = one.application
    differing = [resource for resource in app.resources if resource.sync == "OutOfSync"]
    fields = [f"{r.kind.lower()} {r.name}: {c.path}" for r in (diff.view.resources if diff else ()) for c in r.fields]
    what = listed(fields) if fields else listed(f"{r.kind.lower()} {r.name}" for r in differing)
    return state(
        SPEC,
        entity=one.entity,
        text=f"application {app.name} is out of sync with Git{': ' + what if what else ''}",
        seen=[one.seen, *([diff] if diff else [])],
        at=None,
        related=one.workloads,
        detector=DETECTOR.name,
        fields=", ".join(fields) or None,
        objects=len(differing) or None,
        deployed=(app.history[-1].revision if app.history else None),
        wanted=app.revision or None,
    )


DETECTOR = Detector(name="cicd.argocd_out_of_sync", emits=(SPEC,), needs=(ApplicationsView,), detect=detect)
