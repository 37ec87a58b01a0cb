"""Services and their endpoints: what they select, and how many of it is ready."""

from collections.abc import Iterable

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, entity_id, read_meta


class ServicePort(Value):
    """One port of a service. `target` as written: a number or the name of a container port."""

    number: int
    name: str = ""
    protocol: str = "TCP"
    target: str = ""


class Endpoint(Value):
    """One address behind a service."""

    address: str
    ready: bool
    serving: bool
    terminating: bool
    pod: EntityId | None = None
    node: str = ""


class Service(Value):
    """One service with the endpoints of its slices."""

    meta: ObjectMeta
    type: str = "ClusterIP"
    selector: dict[str, str] = {}
    """Empty for ExternalName and for services whose endpoints are kept by others."""
    ports: tuple[ServicePort, ...] = ()
    external_name: str = ""
    headless: bool = False
    publish_not_ready: bool = False
    endpoints: tuple[Endpoint, ...] = ()
    workloads: tuple[EntityId, ...] = ()
    """Workloads whose pods (or template, when they have none) it selects."""

    @property
    def ready(self) -> int:
        """How many endpoints take traffic."""
        return sum(endpoint.ready for endpoint in self.endpoints)


class Candidate(Value):
    """A workload that a service most likely means although its selector does not match."""

    workload: EntityId
    differing_key: str
    wanted: str
    """What the selector asks for."""
    found: str
    """What the pods have; empty when they lack the label."""
    shared: int
    """Selector entries that do match."""


class ServiceView(Value):
    """A service and the analysis of its selector."""

    service: Service
    closest: Candidate | None = None
    """Only when it selects nothing."""


class Services(Value):
    """Services of a scope."""

    services: tuple[ServiceView, ...]


def read_service(document: Document, *, cluster: str) -> Service:
    """Read a Service; its endpoints are added by the probe."""
    spec = document.at("spec")
    return Service(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.SERVICE, managers=True),
        type=spec.text("type") or "ClusterIP",
        selector=spec.mapping("selector"),
        ports=tuple(_port(item) for item in spec.items("ports")),
        external_name=spec.word("externalName"),
        headless=spec.word("clusterIP") == "None",
        publish_not_ready=spec.flag("publishNotReadyAddresses"),
    )


def read_endpoints(slices: Iterable[Document], *, cluster: str) -> tuple[Endpoint, ...]:
    """The endpoints of the EndpointSlices of one service; an address that is in several slices counts once."""
    found: dict[str, Endpoint] = {}
    for document in slices:
        for item in document.items("endpoints"):
            for address in item.texts("addresses"):
                found.setdefault(address, _endpoint(item, address, cluster))
    return tuple(found.values())


def _endpoint(item: Document, address: str, cluster: str) -> Endpoint:
    target, conditions = item.at("targetRef"), item.at("conditions")
    pod = (
        entity_id(cluster, EntityKind.POD, target.word("name"), target.text("namespace"))
        if target.word("kind") == "Pod" and target.word("name")
        else None
    )
    ready = conditions.json("ready") is not False
    return Endpoint(
        address=address,
        ready=ready,
        serving=conditions.json("serving") is not False if conditions.has("serving") else ready,
        terminating=conditions.flag("terminating"),
        pod=pod,
        node=item.word("nodeName"),
    )


def _port(item: Document) -> ServicePort:
    return ServicePort(
        number=item.count("port"),
        name=item.word("name"),
        protocol=item.text("protocol") or "TCP",
        target=item.text("targetPort") or str(item.count("port")),
    )
