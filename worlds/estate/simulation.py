"""The closed loop: a scenario, in virtual time. Kubernetes, requests, repositories and faults act on each other here.

State is a function of the scenario (with its seed), the time, and what was changed from outside at what time. It does
not depend on how often or in what steps the time was advanced.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from worlds.cluster.autoscaling import Autoscaler
from worlds.cluster.binding import VolumeBinder
from worlds.cluster.core import Cluster, key_of
from worlds.cluster.deployment import DeploymentController
from worlds.cluster.housekeeping import BudgetKeeper, GarbageCollector, QuotaKeeper
from worlds.cluster.kubelet import Kubelets
from worlds.cluster.nodes import LEASES, NODE, NodeLifecycle
from worlds.cluster.podmaking import POD, is_ready
from worlds.cluster.replicaset import ReplicaSetController
from worlds.cluster.routing import EndpointsController
from worlds.cluster.scheduling import Scheduler
from worlds.cluster.sets import DaemonSetController, JobController, StatefulSetController
from worlds.estate.edits import edited
from worlds.estate.effects import Effects
from worlds.estate.flow import TICK, Block, Flow, PodField, ServiceField
from worlds.estate.founding import DAY, Founding
from worlds.estate.journal import Journal
from worlds.estate.layout import Floats, Layout
from worlds.estate.layouting import LayoutBuilder
from worlds.estate.manifests import image_of
from worlds.estate.nodetrouble import NodesInTrouble
from worlds.estate.registry import Registry
from worlds.estate.surroundings import Processes
from worlds.estate.tape import Tape
from worlds.estate.volumes import Volumes
from worlds.objects.kinds import JsonObject
from worlds.objects.quantity import parse_quantity
from worlds.objects.store import Change as ObjectChange
from worlds.repository.delivery import Delivery
from worlds.repository.forge import Forge
from worlds.repository.gitops import GitOps
from worlds.scenario.change import Change
from worlds.scenario.scenario import Scenario

_SHAPES_TRAFFIC = {"pods", "services", "endpoints", "networkpolicies", "ingresses"}
# Longer than any release history; the cluster itself is older than its oldest workload.
_FOUNDED_BEFORE = 120 * DAY
_LONGEST_BLOCK = 240
# How long clients still run into a process that has just died, until its endpoint is gone everywhere.
_SECONDS_LOST_PER_DEATH = 3.0
# Memory of a node that the system needs, and the share of the rest at which the kubelet declares pressure.
_SYSTEM_MEMORY = 900 * 2**20
_PRESSURE_AT = 0.95
_EVICTION_PAUSE = 30.0


class Simulation:
    """One world. Everything that serves it reads `cluster`, `tape`, `journal`, `forge` and `gitops`."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.now_at_start = scenario.now.timestamp()
        self.history_start = self.now_at_start - scenario.history
        estate = scenario.estate
        self.cluster = Cluster(seed=scenario.seed, started=self.now_at_start - _FOUNDED_BEFORE)
        self.effects = Effects()
        self.registry = Registry()
        self.registry.private = {
            image_of(w, estate=estate).partition("/")[0] for w in estate.workloads if w.pull_secret
        }
        store = self.cluster.store
        self.processes = Processes(estate, store=store, effects=self.effects, registry=self.registry)
        self.kubelets = Kubelets(self.cluster, self.processes)
        self.nodes = NodeLifecycle(self.cluster)
        self.scheduler = Scheduler(self.cluster)
        self.binder = VolumeBinder(self.cluster)
        self.forge = Forge()
        self.gitops = GitOps(self.cluster)
        self.delivery = Delivery(estate, cluster=self.cluster, forge=self.forge, gitops=self.gitops)
        self.flow = Flow(self.cluster.chance)
        self.tape = Tape()
        self.journal = Journal()
        self.volumes = Volumes(estate, start=self.history_start)
        self.ballast: dict[str, float] = {}
        self._ballast_steps: dict[str, list[tuple[float, float]]] = {}
        self.outages: dict[str, float] = {}
        self.hit_nodes: dict[str, str] = {}
        # Workload -> uids of its pods that a fault has spoilt.
        self.spoilt: dict[str, list[str]] = {}
        self.leaders_down: dict[str, float] = {}
        self.nodes_in_trouble = NodesInTrouble(self.outages)
        self.metrics_api_down = False
        self._layouts = LayoutBuilder(estate, store=store, kubelets=self.kubelets, effects=self.effects)
        self._layout: Layout | None = None
        self._lost: dict[str, float] = {}
        self._dying: set[tuple[str, int]] = set()
        self._pressed: set[str] = set()
        self._next_tick = int(self.history_start // TICK) + 1
        self._wire()
        self._found()

    # -- time -------------------------------------------------------------------------------------------------------

    def at(self, offset: float) -> float:
        """Return unix seconds of an offset from the scenario's now."""
        return self.now_at_start + offset

    @property
    def last_tick(self) -> int:
        """The number of the last tick on the tape; its time is the number times TICK."""
        return self._next_tick - 1

    def advance(self, to: float) -> None:
        """Let time pass until `to` (unix seconds). Time does not run backwards."""
        self.cluster.settle()
        while True:
            if self._run_ticks(to):
                continue
            if self.cluster.agenda.next_at() > to:
                break
            self.cluster.run_next()
        self.cluster.now = max(self.cluster.now, to)

    def _run_ticks(self, to: float) -> bool:
        """Record the ticks before the next event. True when there were some: then look at the agenda anew."""
        end = min(to, self.cluster.agenda.next_at() - 1e-6)
        last = int(end // TICK)
        if last < self._next_tick:
            return False
        if self._layout is None:
            self._layout = self._layouts.build()
        ticks = np.arange(self._next_tick, min(last, self._next_tick + _LONGEST_BLOCK - 1) + 1, dtype=np.int64)
        block = self.flow.block(self._layout, ticks, lost=self._lost)
        cut = self._first_breach(block)
        if cut is not None:
            block = block.part(block.first, cut + 1)
        self.tape.append(block)
        self._lost = {}
        self._next_tick = block.first + len(block.pods)
        self.cluster.now = max(self.cluster.now, self.last_tick * TICK)
        if cut is not None:
            self._break(block)
        return True

    # -- what breaks ------------------------------------------------------------------------------------------------

    def _first_breach(self, block: Block) -> int | None:
        """Return the first row in which a process outgrows its limit or a node its memory."""
        over = block.pods[:, :, PodField.MEMORY] > block.layout.figures["memory_limit"]
        for at, column in enumerate(block.layout.columns if self._dying else ()):
            if (column.uid, column.instance) in self._dying:
                over[:, at] = False
        rows = over.any(axis=1)
        for node, used, most in self._node_memory(block):
            if node not in self._pressed:
                rows |= used > most * _PRESSURE_AT
        return int(np.argmax(rows)) if rows.any() else None

    def _node_memory(self, block: Block) -> list[tuple[str, np.ndarray, float]]:
        """Return used and allocatable memory of the nodes with ballast: requests keep the others from filling up."""
        found = []
        for node, ballast in sorted(self.ballast.items()):
            on_node = [i for i, column in enumerate(block.layout.columns) if column.node == node]
            used = block.pods[:, on_node, PodField.MEMORY].sum(axis=1) + _SYSTEM_MEMORY + ballast
            live = self.cluster.store.find(NODE, name=node)
            if live is not None:
                found.append((node, used, parse_quantity(live["status"]["allocatable"]["memory"])))
        return found

    def _break(self, block: Block) -> None:
        last = block.pods[-1]
        for at, column in enumerate(block.layout.columns):
            key = (column.uid, column.instance)
            if last[at, PodField.MEMORY] > column.model.memory_limit and key not in self._dying:
                self._dying.add(key)
                delay = self.cluster.chance.between(0.2, TICK - 0.5, "oom", *key)
                self.cluster.after(delay, partial(self.kubelets.kill, column.uid, code=137, reason="OOMKilled"))
        for node, used, most in self._node_memory(block):
            if node not in self._pressed and used[-1] > most * _PRESSURE_AT:
                self._pressed.add(node)
                self.nodes.pressure(node, on=True)
                self._relieve(node)

    def _relieve(self, node: str) -> None:
        """Evict one pod of a node under pressure, and look again a little later."""
        block = self.tape.last
        if node not in self._pressed or block is None:
            return
        short = [(n, used, most) for n, used, most in self._node_memory(block) if n == node]
        if not short or short[0][1][-1] <= short[0][2] * _PRESSURE_AT:
            self._pressed.discard(node)
            self.nodes.pressure(node, on=False)
            return
        victim = self._greediest(block, node)
        if victim is not None:
            free = max(int((short[0][2] - short[0][1][-1]) / 1024), 0)
            text = f"The node was low on resource: memory. Threshold quantity: 100Mi, available: {free}Ki. "
            self.kubelets.evict(victim, message=text + "Container was using more than its request.")
        self.cluster.after(_EVICTION_PAUSE, lambda: self._relieve(node))

    def _greediest(self, block: Block, node: str) -> str | None:
        """Return the pod that is furthest above its memory request."""
        best: tuple[float, str] | None = None
        for at, column in enumerate(block.layout.columns):
            runtime = self.kubelets.pods.get(column.uid)
            if column.node != node or runtime is None or runtime.gone:
                continue
            pod = self.cluster.store.find(POD, namespace=runtime.namespace, name=runtime.name)
            requests = (pod or {}).get("spec", {}).get("containers", [{}])[0].get("resources", {}).get("requests", {})
            over = float(block.pods[-1, at, PodField.MEMORY]) - parse_quantity(requests.get("memory", "0"))
            best = max(best or (over, column.uid), (over, column.uid))
        return best[1] if best else None

    # -- what faults and servers ask --------------------------------------------------------------------------------

    def carries_change(self, key: str, change: Change) -> bool:
        """Say whether a workload's live objects have the changed values: changing them again would change nothing."""
        live = self.delivery.live_manifests(key)
        return bool(live) and edited(live, change=change) == live

    def failing(self, key: str) -> float:
        """Return the share of a service's requests that fail at the moment, as its callers see it."""
        track = self.tape.service(key)
        return float(track.rows[-1, ServiceField.FAILED]) if len(track.rows) else 0.0

    def node_of(self, key: str) -> str:
        """Return the node on which the first pod of a workload runs. Raises LookupError when none does."""
        for runtime in self.kubelets.pods.values():
            pod = self.cluster.store.find(POD, namespace=runtime.namespace, name=runtime.name)
            workload = self.processes.workload_of(pod) if pod else None
            if workload is not None and workload.key == key:
                return runtime.node
        raise LookupError(f"no pod of {key} has a node")

    def hit(self, key: str) -> str:
        """Return the node that faults on the node of a workload mean: the first one that they asked for."""
        if key not in self.hit_nodes:
            self.hit_nodes[key] = self.node_of(key)
        return self.hit_nodes[key]

    def utilisation(self, namespace: str, name: str) -> float | None:
        """Return the CPU use of a workload's running pods in per cent of their requests; None when nobody runs."""
        block = self.tape.last
        if block is None or self.metrics_api_down:
            return None
        used = requested = 0.0
        place = block.layout.places.get(f"{namespace}/{name}", slice(0))
        for at, column in enumerate(block.layout.columns[place], start=place.start or 0):
            runtime = self.kubelets.pods.get(column.uid)
            if runtime is None or runtime.gone or not runtime.serving:
                continue
            pod = self.cluster.store.find(POD, namespace=namespace, name=runtime.name)
            requests = (pod or {}).get("spec", {}).get("containers", [{}])[0].get("resources", {}).get("requests", {})
            used += float(block.pods[-1, at, PodField.CPU])
            requested += parse_quantity(requests.get("cpu", "0"))
        return 100 * used / requested if requested else None

    def process_starts(self, key: str) -> list[float]:
        """Return when the running processes of a workload were started."""
        block = self._layouts.build()
        return [column.started for column in block.columns if column.workload == key]

    def node_fails(self, node: str) -> None:
        """Let a node fall silent."""
        self.outages[node] = self.cluster.now
        self.kubelets.node_down(node)
        self.nodes.silent(node)
        self._layout = None

    def kubelet_stops(self, node: str) -> None:
        """Stop the kubelet of a node; its processes go on."""
        self.nodes_in_trouble.kubelets[node] = self.cluster.now
        self.kubelets.stop(node)
        self.nodes.silent(node)

    def runtime_fails(self, node: str) -> None:
        """Stop the container runtime of a node; what runs goes on, nothing is started or ended any more."""
        self.nodes_in_trouble.runtimes[node] = self.cluster.now
        self.kubelets.without_runtime.add(node)
        self.nodes.runtime_down(node)

    def nodes_return(self) -> None:
        """Let every silent node come back."""
        for node in list(self.outages):
            del self.outages[node]
            self.kubelets.node_up(node)
            self.nodes.reports(node)
        self._layout = None

    def leader_stops(self, name: str) -> None:
        """Stop kube-scheduler or kube-controller-manager: its lease is renewed no more."""
        self.leaders_down[name] = self.cluster.now
        self.scheduler.stopped = self.scheduler.stopped or name == "kube-scheduler"
        lease = self.cluster.store.get(LEASES, namespace="kube-system", name=name)
        spec = {**lease["spec"], "renewTime": self.cluster.micro_timestamp()}
        self.cluster.store.replace(LEASES, {**lease, "metadata": dict(lease["metadata"]), "spec": spec}, manager=name)

    def load_node(self, node: str, memory: float) -> None:
        """Let something outside Kubernetes take memory of a node, in bytes; zero ends it."""
        self.ballast[node] = memory
        self._ballast_steps.setdefault(node, [(0.0, 0.0)]).append((self.cluster.now, memory))

    def unload_nodes(self) -> None:
        """Give back what was taken with `load_node`."""
        for node in list(self.ballast):
            self.load_node(node, 0.0)

    def ballast_at(self, node: str, times: Floats) -> Floats:
        """Return the memory that something outside Kubernetes took of a node at each time."""
        steps = self._ballast_steps.get(node, [(0.0, 0.0)])
        place = np.searchsorted(np.array([at for at, _ in steps]), times, side="right") - 1
        return np.array([amount for _, amount in steps])[place]

    def refusal_of(self, key: str, tick: int) -> str:
        """Say what clients of a service were told in a tick instead of an answer; empty when it answered."""
        layout = self.tape.layout_at(tick)
        service = next((s for s in layout.services if s.workload.key == key), None) if layout else None
        if layout is None or service is None:
            return ""
        if service.refusal or service.refused:
            return service.refusal or "too many connections"
        columns = layout.columns[service.columns]
        told = next((c.refusal or c.complaint for c in columns if c.refusal or c.complaint), "")
        return told if told or any(column.routed for column in columns) else "connection refused"

    def pod_counts(self) -> dict[str, int]:
        """Return how many pods there are by phase, and how many of them are ready."""
        counts = {"ready": 0}
        for pod in self.cluster.store.every(POD):
            phase = pod.get("status", {}).get("phase", "Unknown").lower()
            counts[phase] = counts.get(phase, 0) + 1
            counts["ready"] += is_ready(pod)
        return counts

    def plan(self, offset: float, action: Callable[[], object]) -> None:
        """Put an action on the agenda, at an offset from the scenario's now."""
        self.cluster.agenda.put(self.at(offset), action)

    # -- how it is put together -------------------------------------------------------------------------------------

    def _wire(self) -> None:
        cluster = self.cluster
        for controller in (
            DeploymentController(cluster),
            ReplicaSetController(cluster),
            StatefulSetController(cluster),
            DaemonSetController(cluster),
            JobController(cluster),
            self.scheduler,
            self.kubelets,
            EndpointsController(cluster),
            self.binder,
            QuotaKeeper(cluster),
            BudgetKeeper(cluster),
            GarbageCollector(cluster),
            Autoscaler(cluster, utilisation=self.utilisation, begins=self.history_start),
        ):
            cluster.add(controller)
        cluster.store.subscribe(self._on_object)
        self.effects.subscribe(self._on_effect)
        self.kubelets.on_start.append(self._on_start)
        self.kubelets.on_end.append(self._on_end)
        self.kubelets.on_gone.append(lambda runtime: self.journal.ended(runtime.uid, at=self.cluster.now))

    def _found(self) -> None:
        Founding(
            self.scenario.estate,
            cluster=self.cluster,
            delivery=self.delivery,
            gitops=self.gitops,
            now=self.now_at_start,
        ).found()
        for fault in (*self.scenario.faults, *self.scenario.decoys):
            fault.plan(self)
        self.cluster.run_until(self.history_start)

    def _on_object(self, change: ObjectChange) -> None:
        if change.kind.plural in _SHAPES_TRAFFIC:
            self._layout = None
        if change.kind.plural in {"configmaps", "secrets", "persistentvolumeclaims"}:
            self._layout = None
            self.effects.look_again()

    def _on_effect(self, target: str) -> None:
        self._layout = None
        for runtime in list(self.kubelets.pods.values()):
            pod = self.cluster.store.find(POD, namespace=runtime.namespace, name=runtime.name)
            workload = self.processes.workload_of(pod) if pod else None
            if workload is not None and workload.key == target:
                self.kubelets.check_again(runtime.uid)

    def _on_start(self, pod: JsonObject, instance: int, _words: tuple[str, ...]) -> None:
        self._layout = None
        workload = self.processes.workload_of(pod)
        where = (*key_of(pod), workload.key if workload else "")
        self.journal.started(pod["metadata"]["uid"], pod=where, instance=instance, at=self.cluster.now)

    def _on_end(self, pod: JsonObject, _instance: int, words: tuple[str, ...]) -> None:
        self._layout = None
        self.journal.ended(pod["metadata"]["uid"], at=self.cluster.now, last_words=words)
        block, uid = self.tape.last, pod["metadata"]["uid"]
        at = block.layout.index.get(uid) if block is not None else None
        if block is None or at is None or not block.layout.columns[at].routed:
            return
        key = block.layout.columns[at].workload
        routed = sum(column.routed and column.workload == key for column in block.layout.columns)
        self._lost[key] = self._lost.get(key, 0.0) + _SECONDS_LOST_PER_DEATH / routed
