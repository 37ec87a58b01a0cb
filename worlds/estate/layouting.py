"""Build the layout of the moment from the cluster: which processes run, which are reached, with which figures."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from worlds.cluster.kubelet import Kubelets
from worlds.cluster.podmaking import POD
from worlds.cluster.routing import ENDPOINTS, SERVICE
from worlds.cluster.runtime import PodRuntime, Stage
from worlds.estate.effects import ActiveEffect, Effects
from worlds.estate.layout import Column, Layout, ServiceLayout, calling_order
from worlds.estate.manifests import address_variable, dns_name
from worlds.estate.podmodel import PodModel, pod_model
from worlds.estate.reaching import Reach
from worlds.objects.kinds import JsonObject
from worlds.objects.store import ObjectStore
from worlds.scenario.effect import LogLine
from worlds.scenario.estate import Estate, resolve
from worlds.scenario.workload import Call, Workload, WorkloadKind

_ADDRESS = re.compile(r"^(?:[a-z0-9+]+://)?(?:[^@/]*@)?([^:/]+)(?::(\d+))?")


# Whether a process gets requests, and per call: how often its node leads it astray, and what is wrong with the address.
_Ways: TypeAlias = tuple[bool, tuple[float, ...], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class _Link:
    """A call as its caller knows it: whom it means, in which variable the address stands, under which names it is."""

    call: Call
    callee: Workload
    position: int
    variable: str
    names: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class _Own:
    """What a process is by itself, whoever reaches it. `failing` is what it says of calls that an effect lets fail."""

    model: PodModel
    refusal: str
    complaint: str
    drained: str
    lines: tuple[LogLine, ...]
    pools: tuple[int, ...]
    failing: dict[str, str]


class LayoutBuilder:
    """Builds layouts. What depends on a single pod is kept until the pod or the effects change."""

    def __init__(self, estate: Estate, *, store: ObjectStore, kubelets: Kubelets, effects: Effects) -> None:
        self._estate = estate
        self._store = store
        self._kubelets = kubelets
        self._effects = effects
        callees = {w.key: tuple(resolve(call.to, workload=w) for call in w.calls) for w in estate.workloads}
        self._order = calling_order(estate.workloads, callees)
        self._position = {workload.key: i for i, workload in enumerate(self._order)}
        self._links = {w.key: tuple(self._link(w, call) for call in w.calls) for w in estate.workloads}
        self._reach = Reach(estate, store=store, kubelets=kubelets)
        self._latest: Layout | None = None
        # Per node without kube-proxy: the endpoints of every service when it stopped.
        self._frozen: dict[str, dict[str, set[str]]] = {}
        # By the pod's uid: its instance and the version of the effects, and what it was then; and how it stood last.
        self._own: dict[str, tuple[tuple[int, int], _Own]] = {}
        self._stood: dict[str, tuple[_Own, _Ways, Column]] = {}
        # What clients say of an address, by caller, place of the call and address: while one layout is built.
        self._said: dict[tuple[str, int, str], str] = {}

    def _link(self, workload: Workload, call: Call) -> _Link:
        place = self._position[resolve(call.to, workload=workload)]
        callee, variable = self._order[place], call.variable or address_variable(call.to)
        full = dns_name(callee)
        names = {full, full.removesuffix(".cluster.local"), full.removesuffix(".svc.cluster.local")}
        names |= {callee.name} if callee.namespace == workload.namespace else set()
        names |= {workload.env.get(variable, "")} if call.variable else set()
        return _Link(call=call, callee=callee, position=place, variable=variable, names=frozenset(names))

    def build(self) -> Layout:
        """Return the layout of this moment; the one of the last time when nothing is different."""
        columns: list[Column] = []
        pods = self._running()
        self._reach = Reach(self._estate, store=self._store, kubelets=self._kubelets)
        self._said.clear()
        self._freeze()
        services = [self._service(workload, pods.get(workload.key, []), columns) for workload in self._order]
        found = tuple(columns), tuple(_with_full_pools(services, columns))
        if self._latest is None or found != (self._latest.columns, self._latest.services):
            self._latest = Layout(columns=found[0], services=found[1])
        return self._latest

    def _service(
        self, workload: Workload, mine: list[tuple[JsonObject, PodRuntime]], columns: list[Column]
    ) -> ServiceLayout:
        """Add the workload's columns and return what lies around them."""
        first, dead = len(columns), 0
        service, refusal = self._reach.service(workload, [pod for pod, _ in mine])
        if workload.kind is WorkloadKind.EXTERNAL:
            columns.append(self._external(workload))
        else:
            ready = self._ready_uids(workload, service, mine)
            columns += [self._column(workload, pod, runtime, ready) for pod, runtime in mine]
            dead = len(ready - {column.uid for column in columns[first:] if column.routed})
        return ServiceLayout(
            workload=workload,
            columns=slice(first, len(columns)),
            calls=tuple((link.position, link.call) for link in self._links[workload.key]),
            refusal=refusal,
            dead=dead,
            astray=self._position.get(self._reach.led_astray(workload), -1),
        )

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
        for link in self._links[workload.key]:
            then = self._frozen[node].get(link.callee.key, set())
            shares.append(len(then - self._endpoints(link.callee)) / len(then) if then else 0.0)
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
        own = self._own_of(workload, pod, runtime)
        routed = runtime.uid in ready and not own.refusal
        stale = self._stale(workload, runtime.node)
        wrong = tuple(
            own.failing.get(link.call.to)
            or self._wrong_address(workload, number, runtime.config)
            or self._not_through(link, pod)
            for number, link in enumerate(self._links[workload.key])
        )
        stood = self._stood.get(runtime.uid)
        if stood is not None and stood[0] is own and stood[1] == (routed, stale, wrong):
            return stood[2]
        column = _column(workload, runtime, own, routed=routed, stale=stale, wrong=wrong)
        self._stood[runtime.uid] = (own, (routed, stale, wrong), column)
        return column

    def _own_of(self, workload: Workload, pod: JsonObject, runtime: PodRuntime) -> _Own:
        key = (runtime.main.instance, self._effects.version)
        then, own = self._own.get(runtime.uid, (None, None))
        if own is None or then != key:
            effects = tuple(self._effects.on(workload.key, pod, runtime.config))
            own = _own(workload, pod, runtime, effects)
            self._own[runtime.uid] = (key, own)
        return own

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

    def _wrong_address(self, workload: Workload, number: int, environment: dict[str, str]) -> str:
        """Say what a process's client library says when it calls the address it was given; empty when that is right."""
        link = self._links[workload.key][number]
        if link.call.queue:
            return ""
        value = environment.get(link.variable, "")
        key = (workload.key, number, value)
        if key not in self._said:
            self._said[key] = self._told(link, value)
        return self._said[key]

    def _told(self, link: _Link, value: str) -> str:
        found = _ADDRESS.match(value)
        if found is None:
            return f"{link.variable} is not set"
        host, port = found[1], found[2]
        if host not in link.names:
            return f"dial tcp: lookup {host} on 10.96.0.10:53: no such host"
        expected = {str(link.call.port)} if link.call.port else self._ports(link.callee)
        return "" if port is None or port in expected else f"dial tcp {host}:{port}: i/o timeout"

    def _not_through(self, link: _Link, pod: JsonObject) -> str:
        """Say what a client says that cannot resolve the right name, or whose packets are dropped on the way."""
        return self._reach.no_name(link.callee) or self._reach.blocked(pod, link.callee)

    def _ports(self, callee: Workload) -> set[str]:
        if callee.kind is WorkloadKind.EXTERNAL:
            return {"443", str(callee.port)}
        service = self._store.find(SERVICE, namespace=callee.namespace, name=callee.name)
        return {str(port["port"]) for port in service["spec"]["ports"]} if service else {str(callee.port)}


def _own(workload: Workload, pod: JsonObject, runtime: PodRuntime, effects: tuple[ActiveEffect, ...]) -> _Own:
    effective = [active.effect for active in effects]
    return _Own(
        model=pod_model(workload, pod, effects),
        refusal=next((effect.refuse for effect in effective if effect.refuse), ""),
        complaint=next((effect.complaint for effect in effective if effect.complaint), ""),
        drained=next((effect.drain.resource for effect in effective if effect.drain), ""),
        lines=tuple(line for effect in effective for line in effect.logs),
        pools=tuple(_pool(call, runtime.config) for call in workload.calls),
        failing={name: why for effect in effective for name, why in effect.calls_fail.items()},
    )


def _column(
    workload: Workload,
    runtime: PodRuntime,
    own: _Own,
    *,
    routed: bool,
    stale: tuple[float, ...],
    wrong: tuple[str, ...],
) -> Column:
    return Column(
        uid=runtime.uid,
        workload=workload.key,
        node=runtime.node,
        instance=runtime.main.instance,
        started=runtime.main.started,
        routed=routed,
        model=own.model,
        refusal=own.refusal,
        complaint=own.complaint,
        drained=own.drained,
        lines=own.lines,
        pools=own.pools,
        stale=stale,
        wrong_address=wrong,
    )


def _with_full_pools(services: list[ServiceLayout], columns: list[Column]) -> list[ServiceLayout]:
    """Find the services whose callers hold more connections than they accept."""
    held = [0] * len(services)
    for service in services:
        routed = [column for column in columns[service.columns] if column.routed and any(column.pools)]
        for number, (callee, _) in enumerate(service.calls if routed else ()):
            held[callee] += sum(column.pools[number] for column in routed)
    result = []
    for service, total in zip(services, held, strict=True):
        most = service.workload.behaviour.max_connections
        share = 1 - most / total if most and total > most else 0.0
        result.append(replace(service, refused=share, connections=total) if total else service)
    return result


def _pool(call: Call, environment: dict[str, str]) -> int:
    """Return how many connections a process holds for a call."""
    said = environment.get(call.pool_variable, "") if call.pool_variable else ""
    return int(said) if said.isdigit() else call.pool or 0
