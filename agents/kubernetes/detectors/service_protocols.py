"""Services that forward another protocol to a port than the pods behind it declare for it."""

from collections.abc import Iterable, Sequence
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.detectors.service_ports import ports_written
from agents.kubernetes.sighted import SeenWorkload, workloads_of
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.container import Port
from tools.kubernetes.service import Service, ServicePort, Services
from tools.kubernetes.workload import Workloads
from tools.probe import Observation

PROTOCOL_MISMATCH = FactSpec(
    kind=FactKind("service.protocol_mismatch"),
    role=FactRole.STATE,
    meaning="A service forwards another protocol to a port than the pods behind it speak there: UDP instead of TCP.",
    attributes={
        "service_port": "port of the service",
        "protocol": "protocol of the service's port",
        "container_protocol": "protocols that the containers declare for it, by comma",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per port that the pods declare, and only for another protocol."""
    workloads = workloads_of(sightings)
    for seen in sightings.of(Services):
        for view in seen.view.services:
            behind = [workloads[one] for one in view.service.workloads if one in workloads]
            for port in view.service.ports:
                spoken = {own.protocol for one in behind for own in _declared(one) if _means(port, own)}
                if spoken and port.protocol not in spoken:
                    yield _fact(view.service, port, sorted(spoken), [seen, *(one.seen for one in behind)])


def _declared(one: SeenWorkload) -> list[Port]:
    return [own for container in one.workload.template.containers for own in container.ports]


def _means(port: ServicePort, own: Port) -> bool:
    return port.target == own.name or (port.target.isdigit() and int(port.target) == own.number)


def _fact(service: Service, port: ServicePort, spoken: Sequence[str], seen: Sequence[Observation[Any]]) -> Fact:
    said = ", ".join(spoken)
    return state(
        PROTOCOL_MISMATCH,
        entity=service.meta.entity,
        text=f"service {service.meta.name}: port {port.number} is {port.protocol}; the containers declare {said} there",
        seen=seen,
        at=ports_written(service),
        related=service.workloads,
        detector=DETECTOR.name,
        service_port=port.number,
        protocol=port.protocol,
        container_protocol=said,
    )


DETECTOR = Detector(
    name="kubernetes.service_protocols", emits=(PROTOCOL_MISMATCH,), needs=(Services, Workloads), detect=detect
)
