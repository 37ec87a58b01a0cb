"""Deployments, stateful sets, daemon sets and replica sets: described, listed, and completed by manifests."""

import re
from collections.abc import Iterator

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.conditions import read_conditions
from evals.datasets.cloud_opsbench.identity import metadata_of
from evals.datasets.cloud_opsbench.manifests import Manifests, read_template
from evals.datasets.cloud_opsbench.outline import Line, pairs
from evals.datasets.cloud_opsbench.tables import Row
from worlds.objects.kinds import JsonObject

KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
}
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_SCHEDULED = {
    "Desired Number of Nodes Scheduled": "desiredNumberScheduled",
    "Current Number of Nodes Scheduled": "currentNumberScheduled",
    "Number of Nodes Scheduled with Up-to-date Pods": "updatedNumberScheduled",
    "Number of Nodes Scheduled with Available Pods": "numberAvailable",
    "Number of Nodes Misscheduled": "numberMisscheduled",
}
_PERCENT = re.compile(r"(?P<unavailable>\S+) max unavailable, (?P<surge>\S+) max surge")


def read_workloads(cache: Cache, manifests: Manifests) -> Iterator[JsonObject]:
    """All workloads that were seen to exist."""
    for resource, kind in KINDS.items():
        for namespace, name in cache.names(resource):
            yield _workload(cache, manifests, resource=resource, kind=kind, namespace=namespace, name=name)


def _workload(cache: Cache, manifests: Manifests, *, resource: str, kind: str, namespace: str, name: str) -> JsonObject:
    outline, row = cache.outline(resource, namespace, name), cache.row(resource, namespace, name)
    metadata = metadata_of(cache, kind=kind, resource=resource, namespace=namespace, name=name)
    metadata["generation"] = 1
    manifest = manifests.get((kind, name)) or _of_owner(manifests, metadata)
    template = read_template(outline.child("Pod Template") if outline else None, manifest)
    spec: JsonObject = {"selector": _selector(outline, row, manifest), "template": template}
    made, status = _counts(outline, row, kind=kind)
    if kind != "DaemonSet":
        spec["replicas"] = made
    if kind == "Deployment":
        spec |= _strategy(outline)
    if kind == "StatefulSet":
        planned = manifest.get("spec") or {}
        spec |= {key: planned[key] for key in ("serviceName", "volumeClaimTemplates") if key in planned}
    status |= {"observedGeneration": 1, "conditions": read_conditions(outline) if outline else []}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec, "status": status}


def _of_owner(manifests: Manifests, metadata: JsonObject) -> JsonObject:
    """A replica set is made from its deployment's manifest."""
    owner = next(iter(metadata.get("ownerReferences", ())), None)
    return manifests.get((owner["kind"], owner["name"]), {}) if owner else {}


def _selector(outline: Line | None, row: Row, manifest: JsonObject) -> JsonObject:
    labels = pairs(outline.child("Selector")) if outline else {}
    if not labels and row.get("SELECTOR"):
        found = (part.partition("=") for part in row["SELECTOR"].split(","))
        labels = {key: value for key, sign, value in found if sign}
    planned: JsonObject = (manifest.get("spec") or {}).get("selector") or {}
    return {"matchLabels": labels} if labels else planned


def _counts(outline: Line | None, row: Row, *, kind: str) -> tuple[int, JsonObject]:
    """The desired number, and the numbers of the status."""
    told = {word: int(number) for number, word in _COUNT.findall(outline.word("Replicas") if outline else "")}
    ready, _, desired = row.get("READY", "").partition("/")
    if kind == "DaemonSet":
        return 0, _daemon(outline, row)
    if kind == "ReplicaSet":
        wanted = told.get("desired", _whole(row.get("DESIRED")))
        total, up = told.get("current", _whole(row.get("CURRENT"))), _whole(ready)
        return wanted, {"replicas": total, "readyReplicas": up, "availableReplicas": up}
    wanted = told.get("desired", _whole(desired))
    up = _whole(ready) if row else told.get("available", told.get("total", 0))
    status = {
        "replicas": told.get("total", up),
        "readyReplicas": up,
        "updatedReplicas": told.get("updated", _whole(row.get("UP-TO-DATE")) if "UP-TO-DATE" in row else up),
        "availableReplicas": told.get("available", _whole(row.get("AVAILABLE")) if "AVAILABLE" in row else up),
    }
    if kind == "Deployment":
        status["unavailableReplicas"] = told.get("unavailable", max(wanted - up, 0))
    return wanted, status


def _daemon(outline: Line | None, row: Row) -> JsonObject:
    if outline is not None:
        status = {field: _whole(outline.word(key)) for key, field in _SCHEDULED.items()}
        return status | {"numberReady": _whole(row.get("READY")) if row else status["numberAvailable"]}
    columns = {
        "DESIRED": "desiredNumberScheduled",
        "CURRENT": "currentNumberScheduled",
        "READY": "numberReady",
        "UP-TO-DATE": "updatedNumberScheduled",
        "AVAILABLE": "numberAvailable",
    }
    return {field: _whole(row.get(column)) for column, field in columns.items()}


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _strategy(outline: Line | None) -> JsonObject:
    if outline is None or not (kind := outline.word("StrategyType")):
        return {}
    strategy: JsonObject = {"type": kind}
    if match := _PERCENT.match(outline.word("RollingUpdateStrategy")):
        strategy["rollingUpdate"] = {"maxUnavailable": match["unavailable"], "maxSurge": match["surge"]}
    return {"strategy": strategy}
