"""Containers of one pod that declare the same port: they share a network, and only one of them can have it."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenWorkload, name, near, workloads_of
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.workload import Workloads

PORT_CONFLICT = FactSpec(
    kind=FactKind("workload.port_conflict"),
    role=FactRole.STATE,
    meaning="Two containers of a template declare the same port.",
    attributes={"port": "the port", "containers": "names of the containers, by comma"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per port of the workloads that are asked about."""
    for entity, one in workloads_of(sightings).items():
        for (port, _), containers in _wanted(one).items():
            if len(containers) < 2 or not near(entity, scene):  # noqa: PLR2004 - one alone has it for itself
                continue
            names = ", ".join(containers)
            yield state(
                PORT_CONFLICT,
                entity=entity,
                text=f"{name(entity)}: containers {names} both declare port {port}",
                seen=[one.seen],
                at=None,
                detector=DETECTOR.name,
                port=port,
                containers=names,
            )


def _wanted(one: SeenWorkload) -> dict[tuple[int, str], list[str]]:
    found: dict[tuple[int, str], list[str]] = {}
    for container in one.workload.template.containers:
        for port in container.ports:
            found.setdefault((port.number, port.protocol), []).append(container.name)
    return found


DETECTOR = Detector(name="kubernetes.port_conflicts", emits=(PORT_CONFLICT,), needs=(Workloads,), detect=detect)
