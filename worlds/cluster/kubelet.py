"""The kubelets of all nodes: they pull, start, probe, restart and end containers, and write the pods' status."""

from collections.abc import Callable

from worlds.cluster import podstatus
from worlds.cluster.core import Cluster, key_of
from worlds.cluster.events import Recorder
from worlds.cluster.nature import Nature, ProcessListener, Surroundings
from worlds.cluster.podmaking import POD, is_finished, is_leaving
from worlds.cluster.references import ConfigTrouble, missing_reference
from worlds.cluster.runtime import LONGEST_BACK_OFF, ContainerRuntime, PodRuntime, Stage
from worlds.objects.kinds import JsonObject
from worlds.objects.store import Change, stamp

_PREPARE = 0.8
_RETRY_CONFIG = 12.0
_UNHEALTHY_EVERY = 30.0
_SHUTDOWN = (1.5, 4.0)


class Kubelets:
    """All kubelets together. A pod belongs to the one of its node."""

    def __init__(self, cluster: Cluster, surroundings: Surroundings) -> None:
        self._cluster = cluster
        self._around = surroundings
        self._events = Recorder(cluster, component="kubelet")
        self._images: set[tuple[str, str]] = set()
        self._down: set[str] = set()
        self._addresses = 10
        self.pods: dict[str, PodRuntime] = {}
        self.on_start: list[ProcessListener] = []
        self.on_end: list[ProcessListener] = []
        self.on_gone: list[Callable[[PodRuntime], None]] = []

    # -- what the cluster tells a kubelet ---------------------------------------------------------------------------

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """Pods that have a node."""
        if change.kind is not POD:
            return []
        if change.type == "DELETED":
            self._forget(change.object["metadata"]["uid"])
            return []
        return [key_of(change.object)] if change.object["spec"].get("nodeName") else []

    def reconcile(self, namespace: str, name: str) -> None:
        """Take on a new pod, or end one that is being deleted."""
        pod = self._cluster.store.find(POD, namespace=namespace, name=name)
        if pod is None:
            return
        known = self.pods.get(pod["metadata"]["uid"])
        if known is None and not is_finished(pod):
            known = self._take_on(pod)
        if known is not None and is_leaving(pod) and not known.leaving:
            self._begin_end(known, pod)

    def node_down(self, node: str) -> None:
        """Stop the kubelet and every process of a node. Nothing is written: nobody is there to write it."""
        self._down.add(node)
        for runtime in self._on_node(node):
            for container in runtime.containers:
                container.drop_plans()
            runtime.gone = True

    def node_up(self, node: str) -> None:
        """Start the kubelet again: pods that are still there start anew."""
        self._down.discard(node)
        for runtime in self._on_node(node):
            runtime.gone = False
            for container in runtime.containers:
                if container.stage is Stage.RUNNING:
                    self._ended(runtime, container, code=255, reason="Unknown", wait=0.5)

    def is_down(self, node: str) -> bool:
        """Say whether a node's kubelet is stopped."""
        return node in self._down

    # -- what happens to processes ----------------------------------------------------------------------------------

    def kill(self, uid: str, *, code: int, reason: str, words: tuple[str, ...] = ()) -> None:
        """End the process in a pod's first container from outside: the kernel, or a liveness probe."""
        runtime = self.pods.get(uid)
        if runtime is not None and not runtime.gone and runtime.main.stage is Stage.RUNNING:
            self._ended(runtime, runtime.main, code=code, reason=reason, words=words)

    def evict(self, uid: str, *, message: str) -> None:
        """Fail a pod because its node is short of something."""
        runtime = self.pods.get(uid)
        pod = self._pod(runtime) if runtime else None
        if runtime is None or pod is None or runtime.gone:
            return
        for container in runtime.containers:
            container.drop_plans()
        runtime.gone = True
        status = {
            "phase": "Failed",
            "reason": "Evicted",
            "message": message,
            "startTime": pod["status"].get("startTime"),
        }
        failed = {**pod, "metadata": dict(pod["metadata"]), "status": status}
        stored = self._cluster.store.replace(POD, failed, manager="kubelet", subresource="status")
        self._events.warn(stored, "Evicted", message, host=runtime.node)
        for tell in self.on_gone:
            tell(runtime)

    def check_again(self, uid: str) -> None:
        """Look at a running pod's probes again because its surroundings changed."""
        runtime = self.pods.get(uid)
        pod = self._pod(runtime) if runtime else None
        if runtime is None or pod is None or runtime.gone or runtime.main.stage is not Stage.RUNNING:
            return
        nature = self._around.nature(pod)
        if nature.exit is not None:
            self._plan_exit(runtime, nature)
        ready_at = runtime.main.started + podstatus.first_ready(pod, startup=nature.startup)
        if not nature.unready and not runtime.main.ready:
            self._plan(runtime.main, max(ready_at - self._cluster.now, 1.0), lambda: self._probe(runtime))
        if nature.unready and runtime.main.ready:
            delay = podstatus.patience(pod, "readinessProbe")
            self._plan(runtime.main, delay, lambda: self._probe(runtime))
        if nature.unlive:
            delay = podstatus.patience(pod, "livenessProbe")
            self._plan(runtime.main, delay, lambda: self._liveness(runtime))

    # -- a pod's way ------------------------------------------------------------------------------------------------

    def _take_on(self, pod: JsonObject) -> PodRuntime:
        meta, node = pod["metadata"], pod["spec"]["nodeName"]
        self._addresses += 1
        number = self._addresses
        runtime = PodRuntime(
            uid=meta["uid"],
            namespace=meta["namespace"],
            name=meta["name"],
            node=node,
            containers=[ContainerRuntime(name=c["name"]) for c in pod["spec"]["containers"]],
            started=self._cluster.now,
            ip=f"10.{64 + number // 62500 % 60}.{number // 250 % 250}.{number % 250 + 2}",
            gone=node in self._down,
        )
        self.pods[runtime.uid] = runtime
        if not runtime.gone:
            self._cluster.after(_PREPARE, lambda: self._prepare(runtime))
            self._write(runtime)
        return runtime

    def _prepare(self, runtime: PodRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.leaving or runtime.gone:
            return
        trouble = podstatus.volume_trouble(self._cluster.store, pod)
        if trouble:
            self._events.warn(pod, "FailedMount", trouble, host=runtime.node)
            self._cluster.after(_UNHEALTHY_EVERY, lambda: self._prepare(runtime))
            return
        for container in runtime.containers:
            self._pull(runtime, container)

    def _pull(self, runtime: PodRuntime, container: ContainerRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.leaving or runtime.gone:
            return
        image = podstatus.container_spec(pod, container.name)["image"]
        field = f"spec.containers{{{container.name}}}"
        if (runtime.node, image) in self._images:
            text = f'Container image "{image}" already present on machine'
            self._events.note(pod, "Pulled", text, host=runtime.node, field=field)
            self._create(runtime, container)
            return
        self._events.note(pod, "Pulling", f'Pulling image "{image}"', host=runtime.node, field=field)
        seconds = self._cluster.chance.between(1.2, 5.5, "pull", runtime.uid, image)
        self._plan(container, seconds, lambda: self._pulled(runtime, container, image, seconds))

    def _pulled(self, runtime: PodRuntime, container: ContainerRuntime, image: str, seconds: float) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.leaving:
            return
        field = f"spec.containers{{{container.name}}}"
        trouble = self._around.image_trouble(image)
        if trouble:
            text = f'Failed to pull image "{image}": {trouble}'
            self._events.warn(pod, "Failed", text, host=runtime.node, field=field)
            self._events.warn(pod, "Failed", "Error: ErrImagePull", host=runtime.node, field=field)
            self._wait(runtime, container, "ErrImagePull", trouble)
            self._plan(container, 2.0, lambda: self._pull_backs_off(runtime, container, image))
            return
        self._images.add((runtime.node, image))
        text = f'Successfully pulled image "{image}" in {seconds:.3f}s ({seconds:.3f}s including waiting).'
        self._events.note(pod, "Pulled", text, host=runtime.node, field=field)
        self._create(runtime, container)

    def _pull_backs_off(self, runtime: PodRuntime, container: ContainerRuntime, image: str) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.leaving:
            return
        field = f"spec.containers{{{container.name}}}"
        text = f'Back-off pulling image "{image}"'
        self._events.note(pod, "BackOff", text, host=runtime.node, field=field)
        self._events.warn(pod, "Failed", "Error: ImagePullBackOff", host=runtime.node, field=field)
        self._wait(runtime, container, "ImagePullBackOff", text)
        delay = container.pull_back_off
        container.pull_back_off = min(delay * 2, LONGEST_BACK_OFF)
        self._plan(container, delay, lambda: self._pull(runtime, container))

    def _create(self, runtime: PodRuntime, container: ContainerRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.leaving or runtime.gone:
            return
        field = f"spec.containers{{{container.name}}}"
        trouble = missing_reference(self._cluster.store, pod, container.name)
        if isinstance(trouble, ConfigTrouble):
            self._events.warn(pod, "Failed", f"Error: {trouble.message}", host=runtime.node, field=field)
            self._wait(runtime, container, "CreateContainerConfigError", trouble.message)
            self._plan(container, _RETRY_CONFIG, lambda: self._create(runtime, container))
            return
        self._events.note(pod, "Created", f"Created container: {container.name}", host=runtime.node, field=field)
        self._start(runtime, container, pod)
        self._events.note(pod, "Started", f"Started container {container.name}", host=runtime.node, field=field)

    def _start(self, runtime: PodRuntime, container: ContainerRuntime, pod: JsonObject) -> None:
        container.drop_plans()
        container.stage, container.started, container.ready = Stage.RUNNING, self._cluster.now, False
        container.instance += 1
        container.ended = None
        if container is not runtime.main:
            container.ready = True
            self._write(runtime)
            return
        runtime.config = self._around.config_of(pod)
        nature = self._around.nature(pod)
        self._write(runtime)
        if nature.exit is not None:
            self._plan_exit(runtime, nature)
        if nature.exit is None or nature.exit.after > nature.startup:
            self._plan(container, podstatus.first_ready(pod, startup=nature.startup), lambda: self._probe(runtime))
        too_slow = podstatus.killed_while_starting(pod, startup=nature.startup)
        if nature.unlive or too_slow:
            self._plan(container, podstatus.patience(pod, "livenessProbe", first=True), lambda: self._liveness(runtime))
        for tell in self.on_start:
            tell(pod, container.instance, nature.first_words)

    def _plan_exit(self, runtime: PodRuntime, nature: Nature) -> None:
        end = nature.exit
        assert end is not None
        reason = "Completed" if end.code == 0 else "Error"
        self._plan(
            runtime.main,
            end.after,
            lambda: self._ended(runtime, runtime.main, code=end.code, reason=reason, words=end.last_words),
        )

    # -- probes -----------------------------------------------------------------------------------------------------

    def _probe(self, runtime: PodRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.gone or runtime.main.stage is not Stage.RUNNING:
            return
        trouble = self._around.nature(pod).unready
        if trouble:
            field = f"spec.containers{{{runtime.main.name}}}"
            self._events.warn(pod, "Unhealthy", f"Readiness probe failed: {trouble}", host=runtime.node, field=field)
            self._plan(runtime.main, _UNHEALTHY_EVERY, lambda: self._probe(runtime))
        if runtime.main.ready == bool(trouble):
            runtime.main.ready = not trouble
            self._write(runtime)

    def _liveness(self, runtime: PodRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.gone or runtime.main.stage is not Stage.RUNNING:
            return
        nature = self._around.nature(pod)
        still_starting = self._cluster.now - runtime.main.started < nature.startup
        trouble = nature.unlive or (podstatus.refused(pod, runtime.ip) if still_starting else "")
        if not trouble:
            return
        field = f"spec.containers{{{runtime.main.name}}}"
        self._events.warn(pod, "Unhealthy", f"Liveness probe failed: {trouble}", host=runtime.node, field=field)
        text = f"Container {runtime.main.name} failed liveness probe, will be restarted"
        self._events.note(pod, "Killing", text, host=runtime.node, field=field)
        self._ended(runtime, runtime.main, code=137, reason="Error")

    # -- the end ----------------------------------------------------------------------------------------------------

    def _ended(
        self,
        runtime: PodRuntime,
        container: ContainerRuntime,
        *,
        code: int,
        reason: str,
        words: tuple[str, ...] = (),
        wait: float | None = None,
    ) -> None:
        pod = self._pod(runtime)
        if pod is None or container.stage is not Stage.RUNNING:
            return
        container.drop_plans()
        container.ended = podstatus.terminated(
            code=code,
            reason=reason,
            started=self._stamp(container.started),
            finished=self._cluster.timestamp(),
            container_id=podstatus.container_id(runtime.uid, container),
        )
        container.stage, container.ready = Stage.ENDED, False
        if container is runtime.main:
            for tell in self.on_end:
                tell(pod, container.instance, words)
        if pod["spec"].get("restartPolicy", "Always") == "Never":
            self._write(runtime)
            return
        container.restarts += 1
        delay = container.next_back_off(now=self._cluster.now) if wait is None else wait
        if delay >= 1.0:
            container.last, container.ended = container.ended, None
            self._back_off(runtime, container, pod, delay)
        else:
            container.last = container.ended
            self._write(runtime)
        self._plan(container, max(delay, 1.0), lambda: self._restart(runtime, container))

    def _back_off(self, runtime: PodRuntime, container: ContainerRuntime, pod: JsonObject, delay: float) -> None:
        meta = pod["metadata"]
        where = f"{container.name} in pod {meta['name']}_{meta['namespace']}({meta['uid']})"
        field = f"spec.containers{{{container.name}}}"
        self._events.warn(
            pod, "BackOff", f"Back-off restarting failed container {where}", host=runtime.node, field=field
        )
        text = f"back-off {_go_duration(delay)} restarting failed container={container.name} "
        text += f"pod={where.partition('pod ')[2]}"
        self._wait(runtime, container, "CrashLoopBackOff", text)

    def _restart(self, runtime: PodRuntime, container: ContainerRuntime) -> None:
        if container.stage is not Stage.RUNNING:
            self._pull(runtime, container)

    def _begin_end(self, runtime: PodRuntime, pod: JsonObject) -> None:
        runtime.leaving = True
        if runtime.gone and runtime.node in self._down and pod["metadata"]["deletionGracePeriodSeconds"] > 0:
            return
        for container in runtime.containers:
            container.drop_plans()
            if container.stage is Stage.RUNNING:
                field = f"spec.containers{{{container.name}}}"
                text = f"Stopping container {container.name}"
                self._events.note(pod, "Killing", text, host=runtime.node, field=field)
        grace = self._cluster.chance.between(*_SHUTDOWN, "shutdown", runtime.uid)
        self._cluster.after(min(grace, pod["metadata"]["deletionGracePeriodSeconds"]), lambda: self._finish(runtime))

    def _finish(self, runtime: PodRuntime) -> None:
        if self._pod(runtime) is not None:
            self._cluster.store.delete(POD, namespace=runtime.namespace, name=runtime.name)

    def _forget(self, uid: str) -> None:
        runtime = self.pods.pop(uid, None)
        if runtime is None:
            return
        for container in runtime.containers:
            container.drop_plans()
        was_gone, runtime.gone = runtime.gone, True
        if not was_gone:
            for tell in self.on_gone:
                tell(runtime)

    # -- small things -----------------------------------------------------------------------------------------------

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

    def _on_node(self, node: str) -> list[PodRuntime]:
        return [runtime for runtime in self.pods.values() if runtime.node == node]

    def _stamp(self, at: float) -> str:
        return stamp(self._cluster.moment().fromtimestamp(at, tz=self._cluster.moment().tzinfo))

    def _write(self, runtime: PodRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or runtime.node in self._down:
            return
        status = podstatus.status_of(pod, runtime, now=self._cluster.timestamp(), stamp=self._stamp)
        if status != pod["status"]:
            new = {**pod, "metadata": dict(pod["metadata"]), "status": status}
            self._cluster.store.replace(POD, new, manager="kubelet", subresource="status")


def _go_duration(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m{whole % 60}s"  # noqa: PLR2004 - seconds of a minute
