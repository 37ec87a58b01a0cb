"""Ingresses, and whether the services, ports and TLS secrets that they name exist."""

from collections.abc import Mapping

from incidents.entity import EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from tools.estate import Cluster
from tools.kubernetes.ingress import Backend, Ingress, Ingresses, read_ingress
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.scope import Where, list_kind
from tools.kubernetes.service import Service, read_service
from tools.probe import Observation, Probe


async def run(cluster: Cluster, where: Where) -> Observation[Ingresses]:
    """List the ingresses of the scope. Raises ToolError."""
    inside = Where(namespace=where.place)
    async with parallel() as group:
        listing = group.create_task(list_kind(cluster, EntityKind.INGRESS, where))
        serving = group.create_task(list_kind(cluster, EntityKind.SERVICE, inside))
        secrets = group.create_task(permitted(list_kind(cluster, EntityKind.SECRET, inside, metadata_only=True)))
    found, behind, kept = listing.result(), serving.result(), secrets.result()
    read = [read_service(item, cluster=cluster.name) for item in behind.items]
    services = {service.meta.entity: service for service in read}
    known = (
        None
        if isinstance(kept, str)
        else {(item.text("metadata", "namespace"), item.word("metadata", "name")) for item in kept.items}
    )
    ingresses = [_whole(read_ingress(item, cluster=cluster.name), services, known) for item in found.items]
    return observed(
        cluster,
        Ingresses(ingresses=tuple(ingresses)),
        probe=PROBE.name,
        title="ingresses",
        where=where,
        found=[found, behind],
        entities=[ingress.meta.entity for ingress in ingresses],
        cut=f"TLS secrets were not looked at: {kept}" if isinstance(kept, str) else None,
    )


def _whole(
    ingress: Ingress, services: Mapping[EntityId, Service], secrets: set[tuple[str | None, str]] | None
) -> Ingress:
    tls = ingress.tls
    if secrets is not None:
        tls = tuple(
            entry.model_copy(update={"exists": (ingress.meta.namespace, entry.secret) in secrets}) for entry in tls
        )
    backends = tuple(_backend(backend, services) for backend in ingress.backends)
    return ingress.model_copy(update={"backends": backends, "tls": tls})


def _backend(backend: Backend, services: Mapping[EntityId, Service]) -> Backend:
    service = services.get(backend.service)
    if service is None:
        return backend.model_copy(update={"service_exists": False, "port_exists": False})
    ports = {text for port in service.ports for text in (str(port.number), port.name) if text}
    return backend.model_copy(update={"service_exists": True, "port_exists": backend.port in ports})


PROBE = Probe(
    name="kubernetes.ingresses",
    source=Source.KUBERNETES,
    describe="Ingresses of a scope: hosts, paths, and whether the services, ports and TLS secrets they name exist. "
    "Ask when traffic from outside does not arrive.",
    args=Where,
    view=Ingresses,
    run=run,
)
