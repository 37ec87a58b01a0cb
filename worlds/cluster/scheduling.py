"""The scheduler: which node a pod fits on, and the sentence that says why it fits on none."""

from collections import Counter

from worlds.cluster.admission import demand_of
from worlds.cluster.conditions import is_true, set_condition
from worlds.cluster.core import Cluster, key_of
from worlds.cluster.events import Recorder
from worlds.cluster.podmaking import POD, is_finished, is_leaving
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.quantity import parse_quantity
from worlds.objects.selectors import selects
from worlds.objects.store import Change

NODE = kind_named("Node")
_CLAIM = kind_named("PersistentVolumeClaim")

# A pod that fits nowhere is tried again when the cluster changes, at the latest after this time.
_RETRY = 60.0
# What the control plane adds to a cordoned node.
_CORDON: JsonObject = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class Scheduler:
    """Binds pods to nodes."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._events = Recorder(cluster, component="default-scheduler")
        self._waiting: dict[tuple[str, str], float] = {}

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
        nodes = list(self._cluster.store.every(NODE))
        trouble = self._unbound_claim(pod)
        reasons: Counter[str] = Counter()
        fitting = []
        for node in nodes:
            reason = trouble or self._why_not(pod, node)
            if reason:
                reasons[reason] += 1
            else:
                fitting.append(node)
        if fitting:
            self._bind(pod, min(fitting, key=lambda node: self._crowd(pod, node)))
        else:
            self._refuse(pod, reasons, count=len(nodes))

    def _why_not(self, pod: JsonObject, node: JsonObject) -> str:
        spec = pod["spec"]
        taints = [*node["spec"].get("taints", []), *([_CORDON] if node["spec"].get("unschedulable") else [])]
        for taint in taints:
            if taint["effect"] != "PreferNoSchedule" and not tolerates(spec.get("tolerations", []), taint):
                if taint["key"] == "node.kubernetes.io/unschedulable":
                    return "node(s) were unschedulable"
                value = f": {taint['value']}" if taint.get("value") else ": "
                return f"node(s) had untolerated taint {{{taint['key']}{value}}}"
        selector = spec.get("nodeSelector")
        if selector and not selects({"matchLabels": selector}, node["metadata"].get("labels", {})):
            return "node(s) didn't match Pod's node affinity/selector"
        return self._lacking(pod, node)

    def _lacking(self, pod: JsonObject, node: JsonObject) -> str:
        free = self._free(node)
        needed = demand_of(pod)
        if free["pods"] < 1:
            return "Too many pods"
        for name in ("cpu", "memory"):
            if needed.get(f"requests.{name}", 0.0) > free[name] + 1e-6:
                return f"Insufficient {name}"
        return ""

    def _free(self, node: JsonObject) -> dict[str, float]:
        allocatable = node["status"]["allocatable"]
        free = {name: parse_quantity(allocatable[name]) for name in ("cpu", "memory", "pods")}
        for pod in self._cluster.store.every(POD):
            if pod["spec"].get("nodeName") == node["metadata"]["name"] and not is_finished(pod):
                needed = demand_of(pod)
                free["pods"] -= 1
                for name in ("cpu", "memory"):
                    free[name] -= needed.get(f"requests.{name}", 0.0)
        return free

    def _crowd(self, pod: JsonObject, node: JsonObject) -> tuple[int, float, str]:
        """Prefer nodes with few pods of the same workload, then those with most room."""
        name = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name")
        here = node["metadata"]["name"]
        siblings = sum(
            other["spec"].get("nodeName") == here
            and other["metadata"].get("labels", {}).get("app.kubernetes.io/name") == name
            for other in self._cluster.store.every(POD, namespace=pod["metadata"]["namespace"])
        )
        capacity = parse_quantity(node["status"]["allocatable"]["memory"])
        return siblings, -self._free(node)["memory"] / capacity, here

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

    def _refuse(self, pod: JsonObject, reasons: Counter[str], *, count: int) -> None:
        listed = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
        message = f"0/{count} nodes are available: {listed}. preemption: 0/{count} nodes are available: "
        message += f"{count} Preemption is not helpful for scheduling."
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


def tolerates(tolerations: list[JsonObject], taint: JsonObject) -> bool:
    """Say whether one of the tolerations covers the taint."""
    for toleration in tolerations:
        if toleration.get("effect") not in {None, "", taint["effect"]}:
            continue
        if toleration.get("key") not in {None, "", taint["key"]}:
            continue
        if toleration.get("operator", "Equal") == "Exists" or toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


def is_schedulable(node: JsonObject) -> bool:
    """Say whether new pods may go to the node."""
    return not node["spec"].get("unschedulable") and is_true(node, "Ready")
