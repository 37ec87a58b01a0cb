"""Addresses in the environment of a workload that lead nowhere: no such service, or a port that the service lacks."""

import re
from collections.abc import Iterable, Iterator, Mapping

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenWorkload, name, near, workloads_of
from agents.reporting import state
from incidents.entity import Entity
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.naming import Directory
from tools.kubernetes.service import Service, Services
from tools.kubernetes.workload import Workloads
from tools.probe import Observation

ADDRESS_WRONG = FactSpec(
    kind=FactKind("config.address_wrong"),
    role=FactRole.STATE,
    meaning="A variable of a workload names a service that does not exist, or a port that the service does not have.",
    attributes={
        "container": "name of the container",
        "variable": "name of the variable",
        "host": "the host that it names",
        "port": "the port that it names",
        "what": "host or port: which of both does not exist",
        "ports": "ports of the service, by comma, when the host exists",
    },
)
_ADDRESS = re.compile(
    r"^(?:[a-z][a-z0-9+.:-]*://)?(?:[^\s/@]*@)?(?P<host>[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*):(?P<port>\d{2,5})(?:[/?].*)?$"
)
_HOST_OF = re.compile(r"^(?P<stem>.*_)?(?:HOST|HOSTNAME|ADDR|ADDRESS|SERVER)$")
_NAME = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*")
_SELF = frozenset({"localhost", "localhost.localdomain", "host.docker.internal"})
_ENOUGH = 2
"""Addresses of a namespace that lead to services of it, from which one that does not is a mistake and no custom."""


class _Address:
    def __init__(self, *, container: str, variable: str, host: str, port: int) -> None:
        self.container, self.variable, self.host, self.port = container, variable, host, port


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per variable. Names with dots that are no service may be outside the cluster: they are left out."""
    services: dict[EntityId, tuple[Service, Observation[Services]]] = {}
    for seen in sightings.of(Services):
        services |= {view.service.meta.entity: (view.service, seen) for view in seen.view.services}
    directory = Directory(services={_key(entity): entity for entity in services})
    workloads = workloads_of(sightings)
    found = [(entity, one, address) for entity, one in workloads.items() for address in _addresses(one)]
    right = sum(directory.find(address.host, namespace=_space(entity)) is not None for entity, _, address in found)
    for entity, one, address in found:
        target = directory.find(address.host, namespace=_space(entity))
        if not near(entity, scene) or (target is None and (right < _ENOUGH or "." in address.host)):
            continue
        if target is None:
            yield _fact(entity, one, address, what="host", ports="", seen=[found for _, found in services.values()][:1])
        elif address.port not in {port.number for port in services[target][0].ports}:
            service, seen = services[target]
            ports = ", ".join(str(port.number) for port in service.ports)
            yield _fact(entity, one, address, what="port", ports=ports, seen=[seen])


def _key(entity: EntityId) -> tuple[str, str]:
    parsed = Entity.parse(entity)
    return parsed.namespace or "", parsed.name


def _space(entity: EntityId) -> str:
    return Entity.parse(entity).namespace or ""


def _addresses(one: SeenWorkload) -> Iterator[_Address]:
    for container in one.workload.template.containers:
        values = {variable.name: variable.value for variable in container.env if variable.value}
        for variable, value in values.items():
            host, port = _read(variable, value.strip(), values)
            if port and host and host not in _SELF:
                yield _Address(container=container.name, variable=variable, host=host, port=port)


def _read(variable: str, value: str, values: Mapping[str, str]) -> tuple[str, int]:
    """An address with its port in one value, or a host whose port stands in a variable beside it."""
    if match := _ADDRESS.match(value):
        return match["host"].lower(), int(match["port"])
    stem = _HOST_OF.match(variable)
    port = values.get(f"{stem['stem'] or ''}PORT", "").strip() if stem else ""
    return (value.lower(), int(port)) if port.isdigit() and _NAME.fullmatch(value) else ("", 0)


def _fact(
    entity: EntityId,
    one: SeenWorkload,
    address: _Address,
    *,
    what: str,
    ports: str,
    seen: Iterable[Observation[Services]],
) -> Fact:
    wrong = f"there is no service {address.host}" if what == "host" else f"{address.host} has port {ports}"
    return state(
        ADDRESS_WRONG,
        entity=entity,
        text=f"{name(entity)}: {address.variable} leads to {address.host}:{address.port}, but {wrong}",
        seen=[one.seen, *seen],
        at=None,
        detector=DETECTOR.name,
        container=address.container,
        variable=address.variable,
        host=address.host,
        port=address.port,
        what=what,
        ports=ports or None,
    )


DETECTOR = Detector(name="kubernetes.addresses", emits=(ADDRESS_WRONG,), needs=(Workloads, Services), detect=detect)
