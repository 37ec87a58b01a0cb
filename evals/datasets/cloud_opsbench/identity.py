"""Metadata of the objects: names, labels, times, owners. Uids are made from names, as no command prints them."""

from collections.abc import Mapping

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.moments import stamp
from evals.datasets.cloud_opsbench.outline import pairs
from worlds.objects.kinds import JsonObject

_API: Mapping[str, str] = {"ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1"}


def uid_of(kind: str, namespace: str, name: str) -> str:
    """The made-up uid of an object."""
    return f"{kind}:{namespace}:{name}".lower()


def metadata_of(cache: Cache, *, kind: str, resource: str, namespace: str, name: str) -> JsonObject:
    """The metadata of an object that was listed or described."""
    outline, row = cache.outline(resource, namespace, name), cache.row(resource, namespace, name)
    metadata: JsonObject = {"name": name, "uid": uid_of(kind, namespace, name)}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = pairs(outline.child("Labels")) if outline else _labels(row)
    if outline is not None and (marks := pairs(outline.child("Annotations"), sign=": ")):
        metadata["annotations"] = marks
    if created := cache.created(resource, namespace, name):
        metadata["creationTimestamp"] = stamp(created)
    owner = outline.word("Controlled By") if outline else ""
    if "/" in owner:
        metadata["ownerReferences"] = [owner_reference(*owner.split("/", 1), namespace=namespace)]
    return metadata


def owner_reference(kind: str, name: str, *, namespace: str) -> JsonObject:
    """A controller's reference on what it made."""
    return {
        "apiVersion": _API.get(kind, "apps/v1"),
        "kind": kind,
        "name": name,
        "uid": uid_of(kind, namespace, name),
        "controller": True,
    }


def _labels(row: Mapping[str, str]) -> dict[str, str]:
    found = (part.partition("=") for part in row.get("LABELS", "").split(",") if part)
    return {key: value for key, sign, value in found if sign}
