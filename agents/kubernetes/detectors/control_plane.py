"""Parts of the control plane that are not well."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import since
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.control_plane import ControlPlane

UNHEALTHY = FactSpec(
    kind=FactKind("controlplane.unhealthy"),
    role=FactRole.MECHANISM,
    meaning="A part of the control plane fails its check, or its leader no longer renews its lease.",
    attributes={"component": "etcd, kube-scheduler, kube-controller-manager or a check of the API server"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per component."""
    for seen in sightings.of(ControlPlane):
        cluster = next((entity for entity in seen.entities if f"/{EntityKind.CLUSTER}/" in entity), None)
        for component in seen.view.components:
            if component.healthy or cluster is None:
                continue
            yield state(
                UNHEALTHY,
                entity=cluster,
                text=f"control plane: {component.name} is not healthy{since(component.since, now=scene.now)}",
                seen=[seen],
                at=component.since,
                detector=DETECTOR.name,
                component=component.name,
            )


DETECTOR = Detector(name="kubernetes.control_plane", emits=(UNHEALTHY,), needs=(ControlPlane,), detect=detect)
