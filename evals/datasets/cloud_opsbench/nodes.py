"""Nodes with their conditions, taints, room and leases."""

import re
from collections.abc import Iterator

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.conditions import read_conditions
from evals.datasets.cloud_opsbench.identity import metadata_of, uid_of
from evals.datasets.cloud_opsbench.moments import read_date, stamp
from evals.datasets.cloud_opsbench.outline import Line
from evals.datasets.cloud_opsbench.tables import Row
from worlds.objects.kinds import JsonObject

_TAINT = re.compile(r"(?P<key>[^=:]+)(?:=(?P<value>[^:]*))?:(?P<effect>\w+)")
_INFO = {
    "Kubelet Version": "kubeletVersion",
    "Kernel Version": "kernelVersion",
    "OS Image": "osImage",
    "Container Runtime Version": "containerRuntimeVersion",
    "Architecture": "architecture",
}
_LEASES = "kube-node-lease"


def read_nodes(cache: Cache) -> Iterator[JsonObject]:
    """Nodes, and the leases by which their kubelets say that they live."""
    for namespace, name in cache.names("nodes"):
        outline, row = cache.outline("nodes", namespace, name), cache.row("nodes", namespace, name)
        metadata = metadata_of(cache, kind="Node", resource="nodes", namespace=namespace, name=name)
        metadata.pop("namespace", None)
        if outline is None:
            yield {"apiVersion": "v1", "kind": "Node", "metadata": metadata, **_listed(row)}
            continue
        spec: JsonObject = {"taints": list(_taints(outline.child("Taints")))}
        if outline.word("Unschedulable").lower() == "true":
            spec["unschedulable"] = True
        yield {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": _status(outline)}
        yield from _lease(cache, name, outline)


def _status(outline: Line) -> JsonObject:
    info = outline.child("System Info")
    addresses = outline.child("Addresses")
    return {
        "conditions": read_conditions(outline),
        "capacity": _amounts(outline.child("Capacity")),
        "allocatable": _amounts(outline.child("Allocatable")),
        "nodeInfo": {field: info.word(key) for key, field in _INFO.items()} if info else {},
        "addresses": [{"type": one.key, "address": one.value} for one in (addresses.below if addresses else ())],
    }


def _amounts(section: Line | None) -> dict[str, str]:
    return {line.key: line.value for line in (section.below if section else ())}


def _taints(line: Line | None) -> Iterator[JsonObject]:
    for text in line.values if line is not None else ():
        if match := _TAINT.match(text):
            taint: JsonObject = {"key": match["key"], "effect": match["effect"]}
            yield taint | ({"value": match["value"]} if match["value"] else {})


def _listed(row: Row) -> JsonObject:
    said = row.get("STATUS", "").split(",")
    ready = "True" if "Ready" in said else "Unknown"
    spec: JsonObject = {"unschedulable": True} if "SchedulingDisabled" in said else {}
    return {"spec": spec, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def _lease(cache: Cache, name: str, outline: Line) -> Iterator[JsonObject]:
    section = outline.child("Lease")
    renewed = read_date(section.word("RenewTime")) if section else None
    if section is None or renewed is None:
        return
    # Kubelets renew every ten seconds: seconds that pass between two recorded commands are not silence.
    described = cache.described.get(("nodes", "", name))
    asked = cache.moments.of(described.place) if described else cache.moments.last
    shown = renewed + (cache.moments.last - asked) if (asked - renewed).total_seconds() < _ALIVE else renewed
    yield {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": _LEASES, "uid": uid_of("Lease", _LEASES, name)},
        "spec": {"holderIdentity": section.word("HolderIdentity") or name, "renewTime": stamp(shown)},
    }


_ALIVE = 40.0
"""Seconds without a renewal after which the node controller calls a node unreachable (its default grace period)."""
