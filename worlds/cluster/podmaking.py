"""Making and removing pods on behalf of a controller, through the same admission checks as everyone else."""

from worlds.cluster.admission import AdmissionError, admit_pod
from worlds.cluster.conditions import is_true
from worlds.cluster.core import Cluster, controlled, owner_reference
from worlds.cluster.events import Recorder
from worlds.objects.kinds import JsonObject, kind_named

POD = kind_named("Pod")

# Controllers retry a refused pod with delays that double (client-go's rate limiter, up to 1000 s in a real cluster).
_FIRST_RETRY = 4.0
_LONGEST_RETRY = 160.0


class PodMaker:
    """Creates and deletes pods for one kind of controller, which is named in the events."""

    def __init__(self, cluster: Cluster, *, component: str) -> None:
        self._cluster = cluster
        self._component = component
        self._events = Recorder(cluster, component=component)
        self._refused: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def retry_after(self, owner: JsonObject) -> float:
        """Return how many seconds to wait before a refused pod is tried again."""
        return self._refused.get(owner["metadata"]["uid"], _FIRST_RETRY)

    def is_waiting(self, owner: JsonObject) -> bool:
        """Say whether a pod was refused so recently that it is too early for the next attempt."""
        return self._cluster.now < self._not_before.get(owner["metadata"]["uid"], 0.0)

    def owned(self, owner: JsonObject) -> list[JsonObject]:
        """Return the owner's pods that are not finished, in the order of their names."""
        return controlled(self._cluster.store, owner, kind=POD)

    def create(self, owner: JsonObject, template: JsonObject, *, name: str = "", node: str = "") -> JsonObject | None:
        """Create a pod. When admission refuses it, an event says why and None is returned."""
        cluster = self._cluster
        number = cluster.store.version
        final = (
            name or f"{owner['metadata']['name']}-{cluster.chance.letters(5, 'pod', owner['metadata']['uid'], number)}"
        )
        pod = {
            "metadata": {
                **template.get("metadata", {}),
                "name": final,
                "namespace": owner["metadata"]["namespace"],
                "ownerReferences": [owner_reference(owner)],
            },
            "spec": dict(template["spec"]),
            "status": {"phase": "Pending"},
        }
        if not name:
            pod["metadata"]["generateName"] = f"{owner['metadata']['name']}-"
        if node:
            pod["spec"]["nodeName"] = node
        try:
            admit_pod(cluster.store, pod)
        except AdmissionError as refusal:
            self._events.warn(owner, "FailedCreate", f"Error creating: {refusal}")
            uid = owner["metadata"]["uid"]
            wait = min(self._refused.get(uid, _FIRST_RETRY / 2) * 2, _LONGEST_RETRY)
            self._refused[uid], self._not_before[uid] = wait, cluster.now + wait - 0.001
            return None
        self._refused.pop(owner["metadata"]["uid"], None)
        made = cluster.store.create(POD, pod, manager="kube-controller-manager")
        self._events.note(owner, "SuccessfulCreate", f"Created pod: {final}")
        return made

    def remove(self, owner: JsonObject, pod: JsonObject) -> None:
        """Ask a pod to end. The kubelet does the rest."""
        mark_deleted(self._cluster, pod)
        self._events.note(owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")


def mark_deleted(cluster: Cluster, pod: JsonObject, *, grace: float | None = None) -> JsonObject:
    """Set the deletion timestamp of a pod, which is what a graceful delete does. Returns the pod as it is then."""
    if pod["metadata"].get("deletionTimestamp"):
        return pod
    seconds = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
    metadata = {**pod["metadata"], "deletionTimestamp": cluster.timestamp(), "deletionGracePeriodSeconds": int(seconds)}
    return cluster.store.replace(POD, {**pod, "metadata": metadata}, manager="kube-controller-manager")


def is_leaving(pod: JsonObject) -> bool:
    """Say whether a pod is being deleted."""
    return "deletionTimestamp" in pod["metadata"]


def is_finished(pod: JsonObject) -> bool:
    """Say whether a pod will not run any more."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def is_ready(pod: JsonObject) -> bool:
    """Say whether a pod may receive traffic."""
    return is_true(pod, "Ready") and not is_leaving(pod)
