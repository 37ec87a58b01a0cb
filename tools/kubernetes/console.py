"""Deep links into the console that people use for a cluster. The API server itself has no pages."""

from urllib.parse import quote

from incidents.entity import Entity, EntityKind
from tools.estate import KubernetesAccess
from tools.kubernetes.resources import RESOURCES


def console_link(access: KubernetesAccess | None, entity: Entity | None) -> str | None:
    """The page of an object in the configured console; None without a console, or for what is no object."""
    if access is None or not access.console or entity is None or entity.kind not in RESOURCES:
        return None
    places = {
        "namespace": entity.namespace or "",
        "kind": entity.kind.value,
        "kinds": RESOURCES[entity.kind].plural,
        "name": entity.name,
    }
    return access.console.format(**{key: quote(value, safe="") for key, value in places.items()})


def namespace_of(cluster: str, name: str | None) -> Entity | None:
    """The entity of a namespace; None for no namespace."""
    return Entity(cluster=cluster, kind=EntityKind.NAMESPACE, name=name) if name else None
