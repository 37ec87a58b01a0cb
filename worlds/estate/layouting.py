"""Build the layout of the moment from the cluster: which processes run, which are reached, with which figures."""

import re
from collections.abc import Iterable

from worlds.cluster.kubelet import Kubelets
from worlds.cluster.podmaking import POD
from worlds.cluster.routing import ENDPOINTS, SERVICE
from worlds.cluster.runtime import PodRuntime, Stage
from worlds.estate.effects import Effects
from worlds.estate.layout import Column, Layout, ServiceLayout, calling_order
from worlds.estate.manifests import address_variable, dns_name
from worlds.estate.podmodel import PodModel, pod_model
from worlds.estate.reaching import Reach
from worlds.objects.kinds import JsonObject
from worlds.objects.store import ObjectStore
from worlds.scenario.effect import Effect
from worlds.scenario.estate import Estate, resolve
from worlds.scenario.workload import Call, Workload, WorkloadKind

_ADDRESS = re.compile(r"^(?:[a-z0-9+]+://)?(?:[^@/]*@)?([^:/]+)(?::(\d+))?")


class LayoutBuilder:
    """Builds layouts. What depends on a single pod is kept until the pod or the effects change."""

    def __init__(self, estate: Estate, *, store: ObjectStore, kubelets: Kubelets, effects: Effects) -> None:
        self._estate = estate
        self._store = store
        self._kubelets = kubelets
        self._effects = effects
        self._callees = {w.key: tuple(resolve(call.to, workload=w) for call in w.calls) for w in estate.workloads}
        self._order = calling_order(estate.workloads, self._callees)
        self._position = {workload.key: i for i, workload in enumerate(self._order)}
        self._reach = Reach(estate, store=store, kubelets=kubelets)
        self._latest: Layout | None = None
        # Per node without kube-proxy: the endpoints of every service when it stopped.
        self._frozen: dict[str, dict[str, set[str]]] = {}
        self._models: dict[tuple[str, int, int], PodModel] = {}
        self._effective: dict[tuple[str, int, int], tuple[Effect, ...]] = {}

    def build(self) -> Layout:
        """Return the layout of this moment; the one of the last time when nothing is different."""
        columns: list[Column] = []
        services: list[ServiceLayout] = []
        pods = self._running()
        self._reach = Reach(self._estate, store=self._store, kubelets=self._kubelets)
        self._freeze()
        for workload in self._order:
            first = len(columns)
            mine = pods.get(workload.key, [])
            service, refusal = self._reach.service(workload, [pod for pod, _ in mine])
            dead = 0
            if workload.kind is WorkloadKind.EXTERNAL:
                columns.append(self._external(workload))
            else:
                ready = self._ready_uids(workload, service, mine)
                columns += [self._column(workload, pod, runtime, ready) for pod, runtime in mine]
                dead = len(ready - {column.uid for column in columns[first:] if column.routed})
            calls = tuple(
                (self._position[callee], call)
                for callee, call in zip(self._callees[workload.key], workload.calls, strict=True)
            )
            services.append(
                ServiceLayout(
                    workload=workload,
                    columns=slice(first, len(columns)),
                    calls=calls,
                    refusal=refusal,
                    dead=dead,
                    astray=self._position.get(self._reach.led_astray(workload), -1),
                )
            )
        found = tuple(columns), tuple(self._with_full_pools(services, columns))
        if self._latest is None or found != (self._latest.columns, self._latest.services):
            self._latest = Layout(columns=found[0], services=found[1])
        return self._latest

    def _freeze(self) -> None:
        """Where kube-proxy does not run, connections go on to the endpoints of that time."""
        stopped = self._reach.stopped_proxies()
        for node in set(self._frozen) - stopped:
            del self._frozen[node]
        for node in stopped - set(self._frozen):
            self._frozen[node] = {workload.key: self._endpoints(workload) for workload in self._order}

    def _stale(self, workload: Workload, node: str) -> tuple[float, ...]:
        """Return, per call, the share of new connections that go to pods which are no endpoints any more."""
        if node not in self._frozen:
            return ()
        shares = []
        for call in workload.calls:
            callee = self._estate.workload(resolve(call.to, workload=workload))
            then = self._frozen[node].get(callee.key, set())
            shares.append(len(then - self._endpoints(callee)) / len(then) if then else 0.0)
        return tuple(shares)

    def _endpoints(self, workload: Workload) -> set[str]:
        endpoints = self._store.find(ENDPOINTS, namespace=workload.namespace, name=workload.name) or {}
        addresses = [a for subset in endpoints.get("subsets", []) for a in subset.get("addresses", [])]
        return {address["targetRef"]["uid"] for address in addresses}

    def _running(self) -> dict[str, list[tuple[JsonObject, PodRuntime]]]:
        """Return the pods whose first container's process runs, by workload."""
        found: dict[str, list[tuple[JsonObject, PodRuntime]]] = {}
        for runtime in self._kubelets.pods.values():
            if runtime.gone or runtime.main.stage is not Stage.RUNNING:
                continue
            pod = self._store.find(POD, namespace=runtime.namespace, name=runtime.name)
            if pod is not None:
                name = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", "")
                found.setdefault(f"{runtime.namespace}/{name}", []).append((pod, runtime))
        return found

    def _ready_uids(
        self, workload: Workload, service: JsonObject | None, mine: Iterable[tuple[JsonObject, PodRuntime]]
    ) -> set[str]:
        if service is None:
            return {runtime.uid for _, runtime in mine if runtime.serving}
        return self._endpoints(workload)

    def _column(self, workload: Workload, pod: JsonObject, runtime: PodRuntime, ready: set[str]) -> Column:
        key = (runtime.uid, runtime.main.instance, self._effects.version)
        model = self._models.get(key)
        if model is None:
            effects = tuple(self._effects.on(workload.key, pod, runtime.config))
            model = self._models[key] = pod_model(workload, pod, effects)
            self._effective[key] = tuple(active.effect for active in effects)
        effective = self._effective[key]
        refusal = next((effect.refuse for effect in effective if effect.refuse), "")
        failing = {name: why for effect in effective for name, why in effect.calls_fail.items()}
        return Column(
            refusal=refusal,
            uid=runtime.uid,
            workload=workload.key,
            node=runtime.node,
            instance=runtime.main.instance,
            started=runtime.main.started,
            routed=runtime.uid in ready and not refusal,
            model=model,
            lines=tuple(line for effect in effective for line in effect.logs),
            complaint=next((effect.complaint for effect in effective if effect.complaint), ""),
            drained=next((effect.drain.resource for effect in effective if effect.drain), ""),
            stale=self._stale(workload, runtime.node),
            pools=tuple(_pool(call, runtime.config) for call in workload.calls),
            wrong_address=tuple(
                failing.get(call.to)
                or self._wrong_address(workload, call, runtime.config)
                or self._not_through(workload, call, pod)
                for call in workload.calls
            ),
        )

    def _external(self, workload: Workload) -> Column:
        effects = tuple(self._effects.on(workload.key, None, {}))
        refusal = next((active.effect.refuse for active in effects if active.effect.refuse), "")
        return Column(
            uid=workload.key,
            workload=workload.key,
            node="",
            instance=1,
            started=0.0,
            routed=not refusal,
            model=pod_model(workload, None, effects),
            refusal=refusal,
            complaint=next((active.effect.complaint for active in effects if active.effect.complaint), ""),
        )

    def _wrong_address(self, workload: Workload, call: Call, environment: dict[str, str]) -> str:
        """Say what a process's client library says when it calls the address it was given; empty when that is right."""
        if call.queue:
            return ""
        callee = self._estate.workload(resolve(call.to, workload=workload))
        variable = call.variable or address_variable(call.to)
        value = environment.get(variable, "")
        found = _ADDRESS.match(value)
        if found is None:
            return f"{variable} is not set"
        host, port = found[1], found[2]
        full = dns_name(callee)
        local = {full, full.removesuffix(".cluster.local"), full.removesuffix(".svc.cluster.local")}
        names = local | ({callee.name} if callee.namespace == workload.namespace else set())
        if host not in names and not (call.variable and host == workload.env.get(variable, "")):
            return f"dial tcp: lookup {host} on 10.96.0.10:53: no such host"
        expected = {str(call.port)} if call.port else self._ports(callee)
        return "" if port is None or port in expected else f"dial tcp {host}:{port}: i/o timeout"

    def _not_through(self, workload: Workload, call: Call, pod: JsonObject) -> str:
        """Say what a client says that cannot resolve the right name, or whose packets are dropped on the way."""
        callee = self._estate.workload(resolve(call.to, workload=workload))
        return self._reach.no_name(callee) or self._reach.blocked(pod, callee)

    def _ports(self, callee: Workload) -> set[str]:
        if callee.kind is WorkloadKind.EXTERNAL:
            return {"443", str(callee.port)}
        service = self._store.find(SERVICE, namespace=callee.namespace, name=callee.name)
        return {str(port["port"]) for port in service["spec"]["ports"]} if service else {str(callee.port)}

    def _with_full_pools(self, services: list[ServiceLayout], columns: list[Column]) -> list[ServiceLayout]:
        """Find the services whose callers hold more connections than they accept."""
        held = [0] * len(services)
        for service in services:
            routed = [column for column in columns[service.columns] if column.routed]
            for number, (callee, _) in enumerate(service.calls):
                held[callee] += sum(column.pools[number] for column in routed if column.pools)
        result = []
        for service, total in zip(services, held, strict=True):
            most = service.workload.behaviour.max_connections
            share = 1 - most / total if most and total > most else 0.0
            result.append(ServiceLayout(**{**service.__dict__, "refused": share, "connections": total}))
        return result


def _pool(call: Call, environment: dict[str, str]) -> int:
    """Return how many connections a process holds for a call."""
    said = environment.get(call.pool_variable, "") if call.pool_variable else ""
    return int(said) if said.isdigit() else call.pool or 0
