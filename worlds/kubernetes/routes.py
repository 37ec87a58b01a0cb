"""Read a request's path into what it asks for."""

from dataclasses import dataclass

from worlds.kubernetes.answers import no_such_path
from worlds.objects.kinds import Kind, kind_at


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a path points at. Empty name: the collection; empty namespace: all namespaces or a cluster-wide kind."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource(self) -> str:
        """The resource as RBAC names it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def read_path(path: str) -> Target:
    """Read /api/v1/... and /apis/GROUP/VERSION/... Raises ApiError 404."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:  # noqa: PLR2004 - /api/VERSION/RESOURCE
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:  # noqa: PLR2004 - /apis/GROUP/VERSION/RESOURCE
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:  # noqa: PLR2004 - /namespaces/NAME/RESOURCE
        namespace, rest = rest[1], rest[2:]
    kind = kind_at(group=group, version=version, plural=rest[0])
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):  # noqa: PLR2004 - RESOURCE/NAME/SUBRESOURCE
        raise no_such_path()
    name, sub = [*rest[1:], "", ""][:2]
    if sub and sub not in kind.subresources:
        raise no_such_path()
    return Target(kind=kind, namespace=namespace, name=name, subresource=sub)
