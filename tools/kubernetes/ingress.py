"""Ingresses: which hosts and paths lead to which services."""

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, entity_id, read_meta


class Backend(Value):
    """One rule's backend."""

    host: str = ""
    path: str = ""
    service: EntityId
    port: str
    """Number or name, as written."""
    service_exists: bool | None = None
    """None when services could not be read."""
    port_exists: bool | None = None


class IngressTls(Value):
    """One TLS entry."""

    secret: str
    hosts: tuple[str, ...] = ()
    exists: bool | None = None


class Ingress(Value):
    """One ingress."""

    meta: ObjectMeta
    ingress_class: str = ""
    backends: tuple[Backend, ...] = ()
    tls: tuple[IngressTls, ...] = ()
    addresses: tuple[str, ...] = ()


class Ingresses(Value):
    """Ingresses of a scope."""

    ingresses: tuple[Ingress, ...]


def read_ingress(document: Document, *, cluster: str) -> Ingress:
    """Read an Ingress; whether its backends exist is added by the probe."""
    meta, spec = read_meta(document, cluster=cluster, kind=EntityKind.INGRESS, managers=True), document.at("spec")
    found = [
        _backend(path.at("backend"), cluster, meta.namespace, host=rule.word("host"), path=path.word("path"))
        for rule in spec.items("rules")
        for path in rule.items("http", "paths")
    ]
    found.append(_backend(spec.at("defaultBackend"), cluster, meta.namespace))
    addresses = [
        item.word("hostname") or item.word("ip") for item in document.items("status", "loadBalancer", "ingress")
    ]
    return Ingress(
        meta=meta,
        ingress_class=spec.word("ingressClassName"),
        backends=tuple(backend for backend in found if backend is not None),
        tls=tuple(IngressTls(secret=item.word("secretName"), hosts=item.texts("hosts")) for item in spec.items("tls")),
        addresses=tuple(address for address in addresses if address),
    )


def _backend(
    backend: Document, cluster: str, namespace: str | None, *, host: str = "", path: str = ""
) -> Backend | None:
    service = backend.at("service")
    if not service.word("name"):
        return None
    return Backend(
        host=host,
        path=path,
        service=entity_id(cluster, EntityKind.SERVICE, service.word("name"), namespace),
        port=service.text("port", "name") or service.text("port", "number") or "",
    )
