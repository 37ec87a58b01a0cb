"""Finds Argo CD applications that Argo CD itself calls degraded or missing."""

from collections.abc import Iterator

from agents.cicd.gitops import deployers
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import listed
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.argocd.probes.applications import ApplicationsView

SPEC = FactSpec(
    kind=FactKind("argocd.degraded"),
    role=FactRole.SYMPTOM,
    meaning="Argo CD calls the health of an application Degraded or Missing.",
    attributes={"health": "Degraded or Missing", "objects": "objects that are not healthy, comma separated"},
)
_UNWELL = ("Degraded", "Missing")


def detect(sightings: Sightings, _: Scene) -> Iterator[Fact]:
    """One fact per application."""
    for one in deployers(sightings):
        app = one.application
        if app.health not in _UNWELL:
            continue
        objects = [f"{r.kind.lower()} {r.name}" for r in app.resources if r.health in _UNWELL]
        because = next((r.message for r in app.resources if r.health in _UNWELL and r.message), app.health_message)
        text = f"application {app.name} is {app.health.lower()}"
        text += f" ({listed(objects)})" if objects else ""
        yield state(
            SPEC,
            entity=one.entity,
            text=f"{text}: {because}" if because else text,
            seen=(one.seen,),
            at=None,
            related=one.workloads,
            detector=DETECTOR.name,
            health=app.health,
            objects=", ".join(objects) or None,
        )


DETECTOR = Detector(name="cicd.argocd_degraded", emits=(SPEC,), needs=(ApplicationsView,), detect=detect)
