"""The kubelets of all nodes: they pull, start, probe, restart and end containers, and write the pods' status."""

from collections.abc import Callable

from worlds.cluster import podstatus
from worlds.cluster.core import Cluster, key_of
from worlds.cluster.kubeletevents import KubeletEvents
from worlds.cluster.nature import Exit, Nature, ProcessListener, Surroundings
from worlds.cluster.podbooks import PodBooks
from worlds.cluster.podmaking import POD, is_finished, is_leaving
from worlds.cluster.references import ConfigTrouble, missing_pull_secrets, missing_reference
from worlds.cluster.runtime import LONGEST_BACK_OFF, ContainerRuntime, PodRuntime, Stage
from worlds.objects.kinds import JsonObject
from worlds.objects.store import Change

_PREPARE = 0.8
_RETRY_CONFIG = 12.0
_UNHEALTHY_EVERY = 30.0
_RETRY_SANDBOX = 14.0
_SHUTDOWN = (1.5, 4.0)


class Kubelets(PodBooks):
    """All kubelets together. A pod belongs to the one of its node."""

    watches = (POD,)

    def __init__(self, cluster: Cluster, surroundings: Surroundings) -> None:
        super().__init__(cluster)
        self._around = surroundings
        self._events = KubeletEvents(cluster)
        self._images: set[tuple[str, str]] = set()
        self._addresses = 10
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
            for container in runtime.every:
                container.drop_plans()
            runtime.gone = True

    def stop(self, node: str) -> None:
        """Stop the kubelet of a node. What runs goes on running; nobody starts, probes, ends or reports it."""
        self._stopped.add(node)

    def node_up(self, node: str) -> None:
        """Start the kubelet again: pods that are still there start anew."""
        self._stopped.discard(node)
        self._down.discard(node)
        for runtime in self._on_node(node):
            runtime.gone = False
            for container in runtime.containers:
                if container.stage is Stage.RUNNING:
                    self._ended(runtime, container, code=255, reason="Unknown", wait=0.5)

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
        for container in runtime.every:
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
        self._events.of_pod(stored, "Evicted", message)
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
        meta, spec = pod["metadata"], pod["spec"]
        self._addresses += 1
        number = self._addresses
        runtime = PodRuntime(
            uid=meta["uid"],
            namespace=meta["namespace"],
            name=meta["name"],
            node=spec["nodeName"],
            containers=[ContainerRuntime(name=c["name"]) for c in spec["containers"]],
            inits=[ContainerRuntime(name=c["name"]) for c in spec.get("initContainers", [])],
            started=self._cluster.now,
            ip=f"10.{64 + number // 62500 % 60}.{number // 250 % 250}.{number % 250 + 2}",
            gone=self.is_down(spec["nodeName"]),
        )
        for container in runtime.containers if runtime.inits else ():
            container.reason = "PodInitializing"
        self.pods[runtime.uid] = runtime
        if not runtime.gone:
            self._cluster.after(_PREPARE, lambda: self._prepare(runtime))
            self._write(runtime)
        return runtime

    def _prepare(self, runtime: PodRuntime) -> None:
        pod = self._working_on(runtime)
        if pod is None:
            return
        reason, trouble = podstatus.volume_trouble(self._cluster.store, pod)
        if trouble:
            self._events.of_pod(pod, reason, trouble)
            self._cluster.after(_UNHEALTHY_EVERY, lambda: self._prepare(runtime))
            return
        if runtime.node in self.without_runtime:
            self._events.no_sandbox(pod)
            self._cluster.after(_RETRY_SANDBOX, lambda: self._prepare(runtime))
            return
        self._next(runtime)

    def _next(self, runtime: PodRuntime) -> None:
        """Begin with the next init container, or with all others when the last one has completed."""
        init = runtime.next_init
        for container in [init] if init is not None else runtime.containers:
            self._pull(runtime, container)

    def _pull(self, runtime: PodRuntime, container: ContainerRuntime) -> None:
        pod = self._working_on(runtime)
        if pod is None:
            return
        image = podstatus.container_spec(pod, container.name)["image"]
        if (runtime.node, image) in self._images:
            self._events.present(pod, container.name, image)
            self._create(runtime, container)
            return
        missing = missing_pull_secrets(self._cluster.store, pod)
        if missing:
            self._events.no_pull_secret(pod, missing)
        self._events.pulling(pod, container.name, image)
        seconds = self._cluster.chance.between(1.2, 5.5, "pull", runtime.uid, image)
        self._plan(container, seconds, lambda: self._pulled(runtime, container, image, seconds))

    def _pulled(self, runtime: PodRuntime, container: ContainerRuntime, image: str, seconds: float) -> None:
        pod = self._working_on(runtime)
        if pod is None:
            return
        trouble = self._around.image_trouble(image, pod)
        if trouble:
            self._events.pull_failed(pod, container.name, image, trouble)
            self._wait(runtime, container, "ErrImagePull", trouble)
            self._plan(container, 2.0, lambda: self._pull_backs_off(runtime, container, image))
            return
        self._images.add((runtime.node, image))
        self._events.pulled(pod, container.name, image, seconds)
        self._create(runtime, container)

    def _pull_backs_off(self, runtime: PodRuntime, container: ContainerRuntime, image: str) -> None:
        pod = self._working_on(runtime)
        if pod is None:
            return
        self._wait(runtime, container, "ImagePullBackOff", self._events.pull_backs_off(pod, container.name, image))
        delay = container.pull_back_off
        container.pull_back_off = min(delay * 2, LONGEST_BACK_OFF)
        self._plan(container, delay, lambda: self._pull(runtime, container))

    def _create(self, runtime: PodRuntime, container: ContainerRuntime) -> None:
        pod = self._working_on(runtime)
        if pod is None:
            return
        trouble = missing_reference(self._cluster.store, pod, container.name)
        if isinstance(trouble, ConfigTrouble):
            self._events.cannot_create(pod, container.name, trouble.message)
            self._wait(runtime, container, "CreateContainerConfigError", trouble.message)
            self._plan(container, _RETRY_CONFIG, lambda: self._create(runtime, container))
            return
        self._events.created(pod, container.name)
        unstartable = self._around.start_trouble(pod, container.name)
        if unstartable:
            self._cannot_start(runtime, container, pod, unstartable)
            return
        self._start(runtime, container, pod)
        self._events.started(pod, container.name)

    def _cannot_start(self, runtime: PodRuntime, container: ContainerRuntime, pod: JsonObject, why: str) -> None:
        """The runtime refuses to start the process: exit code 128, reason StartError."""
        self._events.cannot_create(pod, container.name, why)
        container.instance += 1
        container.started = self._cluster.now
        container.last = self._terminated(runtime, container, code=128, reason="StartError", message=why)
        container.restarts += 1
        delay = container.next_back_off(now=self._cluster.now)
        if delay < 1.0:
            self._wait(runtime, container, "RunContainerError", why)
        else:
            self._wait(runtime, container, "CrashLoopBackOff", self._events.backs_off(pod, container.name, delay))
        self._plan(container, max(delay, 1.0), lambda: self._restart(runtime, container))

    def _start(self, runtime: PodRuntime, container: ContainerRuntime, pod: JsonObject) -> None:
        container.drop_plans()
        container.stage, container.started, container.ready = Stage.RUNNING, self._cluster.now, False
        container.instance += 1
        container.ended = None
        if container in runtime.inits:
            self._start_init(runtime, container, pod)
        elif container is runtime.main:
            self._start_main(runtime, pod)
        else:
            container.ready = True
            self._write(runtime)

    def _start_init(self, runtime: PodRuntime, container: ContainerRuntime, pod: JsonObject) -> None:
        end = self._around.init_end(pod, container.name)
        container.words += [(container.instance, self._cluster.now + end.after, text) for text in end.last_words]
        self._write(runtime)
        self._plan(container, end.after, lambda: self._ended(runtime, container, code=end.code, reason=_reason(end)))

    def _start_main(self, runtime: PodRuntime, pod: JsonObject) -> None:
        container = runtime.main
        runtime.config = self._around.config_of(pod)
        nature = self._around.nature(pod)
        self._write(runtime)
        if nature.exit is not None:
            self._plan_exit(runtime, nature)
        too_slow = podstatus.killed_while_starting(pod, startup=nature.startup)
        deciding = podstatus.deciding_probe(pod)
        if nature.unstarted or (too_slow and deciding == "startupProbe"):
            patience = podstatus.patience(pod, deciding, first=True)
            self._plan(container, patience, lambda: self._give_up(runtime, nature.unstarted, "Startup"))
        elif nature.exit is None or nature.exit.after > nature.startup:
            self._plan(container, podstatus.first_ready(pod, startup=nature.startup), lambda: self._probe(runtime))
        if (nature.unlive or too_slow) and not nature.unstarted and (deciding == "livenessProbe" or not too_slow):
            self._plan(container, podstatus.patience(pod, "livenessProbe", first=True), lambda: self._liveness(runtime))
        for tell in self.on_start:
            tell(pod, container.instance, nature.first_words)

    def _plan_exit(self, runtime: PodRuntime, nature: Nature) -> None:
        end = nature.exit
        assert end is not None
        self._plan(
            runtime.main,
            end.after,
            lambda: self._ended(runtime, runtime.main, code=end.code, reason=_reason(end), words=end.last_words),
        )

    # -- probes -----------------------------------------------------------------------------------------------------

    def _probe(self, runtime: PodRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or self._nobody_looks(runtime):
            return
        trouble = self._around.nature(pod).unready
        if trouble:
            self._events.unhealthy(pod, runtime.main.name, "Readiness", trouble)
            self._plan(runtime.main, _UNHEALTHY_EVERY, lambda: self._probe(runtime))
        if runtime.main.ready == bool(trouble):
            runtime.main.ready = not trouble
            self._write(runtime)

    def _liveness(self, runtime: PodRuntime) -> None:
        pod = self._pod(runtime)
        if pod is None or self._nobody_looks(runtime):
            return
        nature = self._around.nature(pod)
        still_starting = self._cluster.now - runtime.main.started < nature.startup
        trouble = nature.unlive or (podstatus.refused(pod, runtime.ip) if still_starting else "")
        if trouble:
            self._give_up(runtime, trouble, "Liveness")

    def _give_up(self, runtime: PodRuntime, trouble: str, probe: str) -> None:
        """A probe has failed too often: the container is restarted."""
        pod = self._pod(runtime)
        if pod is None or self._nobody_looks(runtime):
            return
        self._events.unhealthy(pod, runtime.main.name, probe, trouble or podstatus.refused(pod, runtime.ip))
        self._events.killing_unhealthy(pod, runtime.main.name, probe)
        self._ended(runtime, runtime.main, code=137, reason="Error")

    def _nobody_looks(self, runtime: PodRuntime) -> bool:
        return runtime.gone or runtime.node in self._stopped or runtime.main.stage is not Stage.RUNNING

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
        container.ended = self._terminated(runtime, container, code=code, reason=reason)
        container.stage, container.ready = Stage.ENDED, False
        if container is runtime.main:
            for tell in self.on_end:
                tell(pod, container.instance, words)
        if container in runtime.inits and code == 0:
            container.ready = True
            self._write(runtime)
            self._next(runtime)
            return
        if pod["spec"].get("restartPolicy", "Always") == "Never":
            self._write(runtime)
            return
        container.restarts += 1
        delay = container.next_back_off(now=self._cluster.now) if wait is None else wait
        if delay >= 1.0:
            container.last, container.ended = container.ended, None
            self._wait(runtime, container, "CrashLoopBackOff", self._events.backs_off(pod, container.name, delay))
        else:
            container.last = container.ended
            self._write(runtime)
        self._plan(container, max(delay, 1.0), lambda: self._restart(runtime, container))

    def _restart(self, runtime: PodRuntime, container: ContainerRuntime) -> None:
        if container.stage is not Stage.RUNNING:
            self._pull(runtime, container)

    def _begin_end(self, runtime: PodRuntime, pod: JsonObject) -> None:
        runtime.leaving = True
        unreachable = self.is_down(runtime.node) or runtime.node in self.without_runtime
        if unreachable and pod["metadata"]["deletionGracePeriodSeconds"] > 0:
            return
        for container in runtime.every:
            container.drop_plans()
            if container.stage is Stage.RUNNING:
                self._events.stopping(pod, container.name)
        grace = self._cluster.chance.between(*_SHUTDOWN, "shutdown", runtime.uid)
        self._cluster.after(min(grace, pod["metadata"]["deletionGracePeriodSeconds"]), lambda: self._finish(runtime))

    def _finish(self, runtime: PodRuntime) -> None:
        if self._pod(runtime) is not None:
            self._cluster.store.delete(POD, namespace=runtime.namespace, name=runtime.name)

    def _forget(self, uid: str) -> None:
        runtime = self.pods.pop(uid, None)
        if runtime is None:
            return
        for container in runtime.every:
            container.drop_plans()
        was_gone, runtime.gone = runtime.gone, True
        if not was_gone:
            for tell in self.on_gone:
                tell(runtime)


def _reason(end: Exit) -> str:
    return "Completed" if end.code == 0 else "Error"
