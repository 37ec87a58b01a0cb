"""The ReplicaSet controller: as many pods of one template as asked for."""

from worlds.cluster.core import Cluster, changed_owner, key_of
from worlds.cluster.podmaking import POD, PodMaker, is_finished, is_leaving, is_ready
from worlds.cluster.readiness import available_since
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import Change

REPLICASET = kind_named("ReplicaSet")


class ReplicaSetController:
    """Keeps the number of pods of each ReplicaSet."""

    watches = (REPLICASET, POD)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._maker = PodMaker(cluster, component="replicaset-controller")

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A ReplicaSet, or one of its pods."""
        if change.kind is REPLICASET:
            return [key_of(change.object)]
        return changed_owner(change, of=POD, kind="ReplicaSet")

    def reconcile(self, namespace: str, name: str) -> None:
        """Create or remove pods, then write the status."""
        rs = self._cluster.store.find(REPLICASET, namespace=namespace, name=name)
        if rs is None:
            return
        pods = [pod for pod in self._maker.owned(rs) if not is_finished(pod)]
        staying = [pod for pod in pods if not is_leaving(pod)]
        missing = rs["spec"]["replicas"] - len(staying)
        refused = False
        for _ in range(max(missing, 0)):
            if self._maker.is_waiting(rs):
                refused = True
                break
            made = self._maker.create(rs, rs["spec"]["template"])
            if made is None:
                refused = True
                self._cluster.look_again(self, namespace, name, after=self._maker.retry_after(rs))
                break
            staying.append(made)
        if missing < 0:
            for pod in sorted(staying, key=_removal_order)[:-missing]:
                self._maker.remove(rs, pod)
        if missing >= 0:
            self._write_status(rs, staying, refused=refused)

    def _write_status(self, rs: JsonObject, pods: list[JsonObject], *, refused: bool) -> None:
        ready = [pod for pod in pods if is_ready(pod)]
        wait = float(rs["spec"].get("minReadySeconds", 0))
        available = 0
        for pod in ready:
            since = available_since(pod, after=wait)
            if since <= self._cluster.now:
                available += 1
            else:
                self._cluster.look_again(self, *key_of(rs), after=since - self._cluster.now + 0.001)
        status: JsonObject = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": available,
            "observedGeneration": rs["metadata"]["generation"],
        }
        if refused:
            status["conditions"] = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}]
        new = {**rs, "metadata": dict(rs["metadata"]), "status": status}
        current = self._cluster.store.find(
            REPLICASET, namespace=rs["metadata"]["namespace"], name=rs["metadata"]["name"]
        )
        if current is not None and current.get("status") != status:
            new["metadata"] = dict(current["metadata"])
            self._cluster.store.replace(REPLICASET, new, manager="kube-controller-manager", subresource="status")


def _removal_order(pod: JsonObject) -> tuple[bool, bool, bool, str]:
    """Pods that are removed first: unscheduled, pending, not ready, then the youngest."""
    meta, phase = pod["metadata"], pod.get("status", {}).get("phase")
    return (bool(pod["spec"].get("nodeName")), phase != "Pending", is_ready(pod), _inverted(meta["creationTimestamp"]))


def _inverted(text: str) -> str:
    return text.translate(_INVERTED)


_INVERTED = {code: 0x7E - code + 0x20 for code in range(0x20, 0x7F)}
