"""Pods: what was described of them, completed by their listing and by the template they were made from."""

import re
from datetime import datetime

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.conditions import read_conditions
from evals.datasets.cloud_opsbench.containers import read_containers, read_statuses
from evals.datasets.cloud_opsbench.identity import metadata_of
from evals.datasets.cloud_opsbench.manifests import complete_spec
from evals.datasets.cloud_opsbench.moments import read_age, read_date, stamp
from evals.datasets.cloud_opsbench.outline import Line, pairs
from evals.datasets.cloud_opsbench.podparts import read_tolerations, read_volumes
from evals.datasets.cloud_opsbench.tables import Row
from worlds.objects.kinds import JsonObject

_PHASES = frozenset({"Pending", "Running", "Succeeded", "Failed", "Unknown"})
_READY = re.compile(r"(?P<ready>\d+)/(?P<total>\d+)")
_RESTARTS = re.compile(r"(?P<count>\d+)(?: \((?P<ago>\w+) ago\))?")


def read_pod(cache: Cache, namespace: str, name: str, *, template: JsonObject) -> JsonObject:
    """One pod. `template` is the spec of its owner's template, empty when it has none."""
    outline, row = cache.outline("pods", namespace, name), cache.row("pods", namespace, name)
    metadata = metadata_of(cache, kind="Pod", resource="pods", namespace=namespace, name=name)
    if outline is None:
        spec = {**template, "nodeName": row.get("NODE", "")}
        status = _listed_status(row, template, now=cache.moments.last)
    else:
        spec, status = complete_spec(_spec(outline), template), _described_status(outline, row)
        if outline.word("Status").startswith("Terminating"):
            metadata["deletionTimestamp"] = stamp(cache.moments.last)
    if not spec.get("nodeName"):
        spec.pop("nodeName", None)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _spec(outline: Line) -> JsonObject:
    spec: JsonObject = {
        "containers": read_containers(outline.child("Containers")),
        "volumes": read_volumes(outline.child("Volumes")),
        "nodeSelector": pairs(outline.child("Node-Selectors")),
        "tolerations": read_tolerations(outline.child("Tolerations")),
        "serviceAccountName": outline.word("Service Account") or "default",
        "nodeName": outline.word("Node").partition("/")[0],
    }
    if first := read_containers(outline.child("Init Containers")):
        spec["initContainers"] = first
    if priority := outline.word("Priority Class Name"):
        spec["priorityClassName"] = priority
    return spec


def _described_status(outline: Line, row: Row) -> JsonObject:
    said = outline.word("Status").split(" ")[0]
    status: JsonObject = {
        "phase": said if said in _PHASES else "Running",
        "conditions": read_conditions(outline),
        "containerStatuses": read_statuses(outline.child("Containers")),
        "initContainerStatuses": read_statuses(outline.child("Init Containers")),
        "qosClass": outline.word("QoS Class"),
    }
    for key, field in (("IP", "podIP"), ("Reason", "reason"), ("Message", "message")):
        if value := outline.word(key):
            status[field] = value
    if host := outline.word("Node").partition("/")[2]:
        status["hostIP"] = host
    if at := read_date(outline.word("Start Time")):
        status["startTime"] = stamp(at)
    if said == "Terminating" and row.get("STATUS") in _PHASES:
        status["phase"] = row["STATUS"]
    return status


def _listed_status(row: Row, template: JsonObject, *, now: datetime) -> JsonObject:
    """What a line of `get pods` says: how many are ready, the reason of the one that is not, and restarts."""
    said = row.get("STATUS", "Unknown")
    counts, restarts = _READY.match(row.get("READY", "")), _RESTARTS.match(row.get("RESTARTS", ""))
    ready = int(counts["ready"]) if counts else 0
    total = int(counts["total"]) if counts else 0
    names = [one["name"] for one in template.get("containers") or ()]
    phase = said if said in _PHASES else "Pending" if not row.get("IP") else "Running"
    statuses = []
    for number in range(total if row.get("NODE") else 0):
        fine = number < ready
        waiting: JsonObject = {} if said in _PHASES else {"waiting": {"reason": said}}
        statuses.append(
            {
                "name": names[number] if number < len(names) else f"container-{number}",
                "ready": fine,
                "restartCount": int(restarts["count"]) if restarts else 0,
                "state": {"running": {}} if fine or not waiting else waiting,
                "lastState": _last_end(restarts, now=now),
            }
        )
    status: JsonObject = {"phase": phase, "containerStatuses": statuses}
    conditions = [{"type": "Ready", "status": "True" if total and ready == total else "False"}]
    return status | {"podIP": row.get("IP", ""), "conditions": conditions}


def _last_end(restarts: "re.Match[str] | None", *, now: datetime) -> JsonObject:
    age = read_age(restarts["ago"] or "") if restarts else None
    return {"terminated": {"finishedAt": stamp(now - age)}} if age is not None else {}
