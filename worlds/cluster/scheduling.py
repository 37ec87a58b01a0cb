"""The scheduler: which node a pod fits on, and the sentence that says why it fits on none."""

from collections import Counter

from worlds.cluster.conditions import is_true, set_condition
from worlds.cluster.core import Cluster, key_of
from worlds.cluster.events import Recorder
from worlds.cluster.fitting import NODE, Fitting, refusal, unbound
from worlds.cluster.podmaking import POD, is_leaving
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.quantity import parse_quantity
from worlds.objects.store import Change

_CLAIM = kind_named("PersistentVolumeClaim")

# A pod that fits nowhere is tried again when the cluster changes, at the latest after this time.
_RETRY = 60.0


class Scheduler:
    """Binds pods to nodes."""

    watches = (POD, NODE, _CLAIM)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._events = Recorder(cluster, component="default-scheduler")
        self._waiting: dict[tuple[str, str], float] = {}
        self.stopped = False

    def resume(self) -> None:
        """Start again after a stop: whatever waits is looked at."""
        self.stopped = False
        for key in list(self._waiting):
            self._cluster.look_again(self, *key)

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A pod without node; every waiting pod when a node, a claim or the room on a node changes."""
        if change.kind is POD:
            if change.type == "DELETED":
                return list(self._waiting)
            waiting = "nodeName" not in change.object["spec"] and not is_leaving(change.object)
            return [key_of(change.object)] if waiting and change.type == "ADDED" else []
        if change.kind is _CLAIM or (change.kind is NODE and change.before != change.object):
            return list(self._waiting)
        return []

    def reconcile(self, namespace: str, name: str) -> None:
        """Bind one pod, or say why not."""
        pod = self._cluster.store.find(POD, namespace=namespace, name=name)
        self._waiting.pop((namespace, name), None)
        if pod is None or pod["spec"].get("nodeName") or is_leaving(pod):
            return
        if self.stopped:
            self._waiting[namespace, name] = self._cluster.now
            return
        nodes = list(self._cluster.store.every(NODE))
        trouble = self._unbound_claim(pod)
        if trouble:
            self._refuse(pod, unbound(trouble, nodes=len(nodes)))
            return
        filters = Fitting(self._cluster.store, pod)
        reasons = [(node, filters.why_not(node)) for node in nodes]
        fitting = [node for node, reason in reasons if not reason]
        if fitting:
            self._bind(pod, self._roomiest(pod, fitting, filters))
        else:
            self._refuse(pod, refusal(Counter(reason for _, reason in reasons), nodes=len(nodes)))

    def _roomiest(self, pod: JsonObject, nodes: list[JsonObject], filters: Fitting) -> JsonObject:
        """Prefer nodes with few pods of the same workload, then those with most room."""
        name = _workload_of(pod)
        siblings = Counter(
            other["spec"].get("nodeName")
            for other in self._cluster.store.every(POD, namespace=pod["metadata"]["namespace"])
            if _workload_of(other) == name
        )

        def crowd(node: JsonObject) -> tuple[int, float, str]:
            here = node["metadata"]["name"]
            capacity = parse_quantity(node["status"]["allocatable"]["memory"])
            return siblings[here], -filters.free(node)["memory"] / capacity, here

        return min(nodes, key=crowd)

    def _unbound_claim(self, pod: JsonObject) -> str:
        for volume in pod["spec"].get("volumes", []):
            name = volume.get("persistentVolumeClaim", {}).get("claimName")
            if not name:
                continue
            claim = self._cluster.store.find(_CLAIM, namespace=pod["metadata"]["namespace"], name=name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim.get("status", {}).get("phase") != "Bound":
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _bind(self, pod: JsonObject, node: JsonObject) -> None:
        name = node["metadata"]["name"]
        status = {**pod["status"], "conditions": []}
        set_condition(status["conditions"], "PodScheduled", value=True, now=self._cluster.timestamp())
        bound = {**pod, "metadata": dict(pod["metadata"]), "spec": {**pod["spec"], "nodeName": name}, "status": status}
        stored = self._cluster.store.replace(POD, bound, manager="kube-scheduler")
        namespace, pod_name = key_of(pod)
        self._events.note(stored, "Scheduled", f"Successfully assigned {namespace}/{pod_name} to {name}")

    def _refuse(self, pod: JsonObject, message: str) -> None:
        status = {**pod["status"], "conditions": [dict(c) for c in pod["status"].get("conditions", [])]}
        set_condition(
            status["conditions"],
            "PodScheduled",
            value=False,
            reason="Unschedulable",
            message=message,
            now=self._cluster.timestamp(),
        )
        stored = self._cluster.store.replace(
            POD,
            {**pod, "metadata": dict(pod["metadata"]), "status": status},
            manager="kube-scheduler",
            subresource="status",
        )
        self._events.warn(stored, "FailedScheduling", message)
        key = key_of(pod)
        self._waiting[key] = self._cluster.now
        self._cluster.after(_RETRY, lambda: self._retry(key))

    def _retry(self, key: tuple[str, str]) -> None:
        if key in self._waiting and self._cluster.now - self._waiting[key] >= _RETRY - 1:
            self._cluster.look_again(self, *key)


def _workload_of(pod: JsonObject) -> str | None:
    name: str | None = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name")
    return name


def is_schedulable(node: JsonObject) -> bool:
    """Say whether new pods may go to the node."""
    return not node["spec"].get("unschedulable") and is_true(node, "Ready")
