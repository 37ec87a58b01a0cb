"""A kubelet's books: the pods that it keeps, which nodes it cannot be heard from, and the status that it writes."""

from collections.abc import Callable

from worlds.cluster import podstatus
from worlds.cluster.core import Cluster, moment_at
from worlds.cluster.podmaking import POD
from worlds.cluster.runtime import ContainerRuntime, PodRuntime, Stage
from worlds.objects.kinds import JsonObject
from worlds.objects.store import stamp


class PodBooks:
    """What all that a kubelet does has in common. `without_runtime` names nodes whose container runtime is dead."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._down: set[str] = set()
        self._stopped: set[str] = set()
        self.without_runtime: set[str] = set()
        self.pods: dict[str, PodRuntime] = {}

    def is_down(self, node: str) -> bool:
        """Say whether a node's kubelet is stopped."""
        return node in self._down or node in self._stopped

    def _terminated(
        self, runtime: PodRuntime, container: ContainerRuntime, *, code: int, reason: str, message: str = ""
    ) -> JsonObject:
        return podstatus.terminated(
            code=code,
            reason=reason,
            started=self._stamp(container.started),
            finished=self._cluster.timestamp(),
            container_id=podstatus.container_id(runtime.uid, container),
            message=message,
        )

    def _wait(self, runtime: PodRuntime, container: ContainerRuntime, reason: str, message: str) -> None:
        container.stage, container.reason, container.message = Stage.WAITING, reason, message
        container.ready = False
        self._write(runtime)

    def _plan(self, container: ContainerRuntime, delay: float, action: Callable[[], object]) -> None:
        container.plans = [plan for plan in container.plans if not plan.cancelled and plan.at >= self._cluster.now]
        container.plans.append(self._cluster.after(delay, action))

    def _pod(self, runtime: PodRuntime) -> JsonObject | None:
        pod = self._cluster.store.find(POD, namespace=runtime.namespace, name=runtime.name)
        return pod if pod is not None and pod["metadata"]["uid"] == runtime.uid else None

    def _working_on(self, runtime: PodRuntime) -> JsonObject | None:
        """Return the pod when its kubelet still works towards running it."""
        idle = runtime.leaving or runtime.gone or runtime.node in self._stopped
        return None if idle else self._pod(runtime)

    def _on_node(self, node: str) -> list[PodRuntime]:
        return [runtime for runtime in self.pods.values() if runtime.node == node]

    def _stamp(self, at: float) -> str:
        return stamp(moment_at(at))

    def _write(self, runtime: PodRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or self.is_down(runtime.node):
            return
        status = podstatus.status_of(pod, runtime, now=self._cluster.timestamp(), stamp=self._stamp)
        if status != pod["status"]:
            new = {**pod, "metadata": dict(pod["metadata"]), "status": status}
            self._cluster.store.replace(POD, new, manager="kubelet", subresource="status")
