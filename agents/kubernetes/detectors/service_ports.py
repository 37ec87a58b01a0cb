"""Services whose target port no container of the selected workload declares."""

from collections.abc import Iterable
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenWorkload, latest, workloads_of
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.service import Service, ServicePort, Services
from tools.kubernetes.workload import Workloads
from tools.probe import Observation

PORT_MISMATCH = FactSpec(
    kind=FactKind("service.port_mismatch"),
    role=FactRole.STATE,
    meaning="The target port of a service is none that the pods behind it declare.",
    attributes={
        "service_port": "port of the service",
        "target_port": "number or name that it leads to",
        "container_ports": "ports that the containers declare, by comma",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per port. Numbers count only where ports are declared: declaring them is optional."""
    workloads = workloads_of(sightings)
    for seen in sightings.of(Services):
        for view in seen.view.services:
            behind = [workloads[one] for one in view.service.workloads if one in workloads]
            for port in view.service.ports:
                if behind and not any(_offers(one, port) for one in behind):
                    yield _fact(view.service, port, behind, seen)


def _offers(one: SeenWorkload, port: ServicePort) -> bool:
    declared = [own for container in one.workload.template.containers for own in container.ports]
    if port.target.isdigit():
        return not declared or int(port.target) in {own.number for own in declared}
    return port.target in {own.name for own in declared}


def _fact(service: Service, port: ServicePort, behind: list[SeenWorkload], seen: Observation[Services]) -> Fact:
    declared = [
        f"{own.number}{f' ({own.name})' if own.name else ''}"
        for one in behind
        for container in one.workload.template.containers
        for own in container.ports
    ]
    known = ", ".join(dict.fromkeys(declared)) or "none"
    return state(
        PORT_MISMATCH,
        entity=service.meta.entity,
        text=f"service {service.meta.name}: port {port.number} leads to {port.target}; the containers declare {known}",
        seen=[seen, *(one.seen for one in behind)],
        at=ports_written(service),
        related=service.workloads,
        detector=DETECTOR.name,
        service_port=port.number,
        target_port=port.target,
        container_ports=known,
    )


def ports_written(service: Service) -> datetime | None:
    """When somebody wrote the ports of a service last; None when that was when it was made."""
    meta = service.meta
    at = latest(m.at for m in meta.managers if any(field.startswith("spec.ports") for field in m.fields))
    return at if at and meta.created and at > meta.created else None


DETECTOR = Detector(name="kubernetes.service_ports", emits=(PORT_MISMATCH,), needs=(Services, Workloads), detect=detect)
