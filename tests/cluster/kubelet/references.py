"""The ConfigMaps and Secrets that a container's environment needs: without them a kubelet does not create it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.cluster.kubelet.wire import Json


class Source(StrEnum):
    """What is referred to."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"

    @property
    def collection(self) -> str:
        """Its plural in addresses."""
        return f"{self.value.lower()}s"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One object that has to be there, and the key in it if only one is wanted."""

    source: Source
    name: str
    key: str | None

    def complaint(self, found: Json | None, *, namespace: str) -> str | None:
        """What the kubelet says when the object or its key is missing; `None` when all is well."""
        if found is None:
            return f'{self.source.value.lower()} "{self.name}" not found'
        keys = (found.get("data") or {}).keys() | (found.get("binaryData") or {}).keys()
        if self.key is not None and self.key not in keys:
            return f"couldn't find key {self.key} in {self.source.value} {namespace}/{self.name}"
        return None


_KEY_FIELDS = {"configMapKeyRef": Source.CONFIG_MAP, "secretKeyRef": Source.SECRET}
_WHOLE_FIELDS = {"configMapRef": Source.CONFIG_MAP, "secretRef": Source.SECRET}


def references_of(container: Json) -> Iterator[Reference]:
    """Everything that the container's environment requires; what is marked optional is left out."""
    for whole in container.get("envFrom") or []:
        for field, source in _WHOLE_FIELDS.items():
            if field in whole and not whole[field].get("optional"):
                yield Reference(source=source, name=whole[field]["name"], key=None)
    for variable in container.get("env") or []:
        for field, source in _KEY_FIELDS.items():
            wanted = (variable.get("valueFrom") or {}).get(field)
            if wanted and not wanted.get("optional"):
                yield Reference(source=source, name=wanted["name"], key=wanted["key"])
