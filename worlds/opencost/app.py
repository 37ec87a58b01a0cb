"""Allocation and assets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np
from fastapi import FastAPI, HTTPException
from starlette.types import ASGIApp

from worlds.cluster.nodes import NODE
from worlds.cluster.podmaking import POD
from worlds.cluster.readiness import unix
from worlds.estate.flow import TICK, PodField
from worlds.estate.pricing import price_of, unit_prices
from worlds.estate.simulation import Simulation
from worlds.instances import Bound, endpoint
from worlds.objects.kinds import JsonObject
from worlds.objects.quantity import parse_quantity
from worlds.sources import application

_WINDOW = re.compile(r"^(\d+)([mhdw])$")
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_GIB = 2**30


@dataclass(kw_only=True)
class Share:
    """What one aggregate took in a window, in core-hours and GiB-hours."""

    properties: dict[str, str]
    hours: float = 0.0
    cores_asked: float = 0.0
    cores_used: float = 0.0
    memory_asked: float = 0.0
    memory_used: float = 0.0
    cpu_cost: float = 0.0
    memory_cost: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _Taker:
    """A pod on a node: what it asks for in cores and GiB, and what an hour of each costs there."""

    uid: str
    name: str
    properties: dict[str, str]
    created: float
    cores: float
    memory: float
    per_core: float
    per_gib: float


def app(world: Simulation) -> ASGIApp:
    """Return the application."""
    return Bound(_shared(), Costs(world))


@cache
def _shared() -> FastAPI:
    routes = application()
    for path, handler in (
        ("/allocation", endpoint(Costs, _allocation)),
        ("/allocation/compute", endpoint(Costs, _allocation)),
        ("/assets", endpoint(Costs, _assets)),
    ):
        routes.add_api_route(path, handler, methods=["GET"])
    return routes


async def _allocation(
    costs: "Costs", window: str = "1h", aggregate: str = "namespace", step: str = "", accumulate: str = "false"
) -> JsonObject:
    start, end = costs.window(window)
    width = costs.step(step) if step and accumulate != "true" else end - start
    edges = np.arange(start, end - 1e-6, width) if width else np.array([start])
    data = costs.allocations([(low, min(low + width, end)) for low in edges], aggregate)
    return {"code": 200, "status": "success", "data": data}


async def _assets(costs: "Costs", window: str = "1h") -> JsonObject:
    start, end = costs.window(window)
    return {"code": 200, "status": "success", "data": costs.assets(start, end)}


class Costs:
    """Computes costs from the tape. Before the tape begins, use is taken as at its beginning."""

    def __init__(self, world: Simulation) -> None:
        self._world = world

    def window(self, text: str) -> tuple[float, float]:
        """Read `1h`, `today`, or `START,END`. Raises 400."""
        now = self._world.cluster.now
        if found := _WINDOW.match(text):
            return now - int(found[1]) * _UNITS[found[2]], now
        if text == "today":
            return now - now % 86400.0, now
        try:
            start, end = (_read(part) for part in text.split(","))
        except ValueError as error:
            raise HTTPException(400, f"Invalid 'window' parameter: {text!r}: use 1h, 7d, today or START,END") from error
        return start, end

    def step(self, text: str) -> float:
        """Read a step. Raises 400."""
        found = _WINDOW.match(text)
        if found is None:
            raise HTTPException(400, f"Invalid 'step' parameter: {text!r}: use for example 1h")
        return int(found[1]) * _UNITS[found[2]]

    def allocations(self, spans: Sequence[tuple[float, float]], aggregate: str) -> list[dict[str, JsonObject]]:
        """Return the costs by aggregate (namespace, controller, pod, node, label:NAME, or several with commas).

        One answer for each span of time, from its start to its end.
        """
        takers = list(self._takers(aggregate))
        prices = [price_of(self._world.scenario.estate, node) for node in self._world.cluster.store.every(NODE)]
        return [self._allocation(takers, start, end, hourly=sum(prices)) for start, end in spans]

    def _allocation(
        self, takers: Sequence[_Taker], start: float, end: float, *, hourly: float
    ) -> dict[str, JsonObject]:
        shares: dict[str, Share] = {}
        asked_by_node: dict[str, float] = {}
        for taker in takers:
            self._add(shares, taker, start, end, asked_by_node)
        hours = (end - start) / 3600.0
        idle = max(hourly * hours - sum(asked_by_node.values()), 0.0)
        shares["__idle__"] = Share(
            properties={"cluster": self._world.scenario.estate.cluster},
            hours=hours,
            cpu_cost=idle * 0.7,
            memory_cost=idle * 0.3,
        )
        return {name: _shape(name, share, start, end) for name, share in sorted(shares.items())}

    def _takers(self, aggregate: str) -> Iterator[_Taker]:
        estate = self._world.scenario.estate
        for pod in self._world.cluster.store.every(POD):
            node = self._world.cluster.store.find(NODE, name=pod["spec"].get("nodeName", ""))
            if node is None:
                continue
            properties, containers = _properties(pod, node, estate.cluster), pod["spec"]["containers"]
            allocatable = node["status"]["allocatable"]
            per_core, per_gib = unit_prices(
                price_of(estate, node),
                cores=parse_quantity(allocatable["cpu"]),
                gibibytes=parse_quantity(allocatable["memory"]) / _GIB,
            )
            yield _Taker(
                uid=pod["metadata"]["uid"],
                name="/".join(_part(properties, pod, key.strip()) for key in aggregate.split(",")),
                properties=properties,
                created=unix(pod["metadata"]["creationTimestamp"]),
                cores=sum(_request(c, "cpu") for c in containers),
                memory=sum(_request(c, "memory") for c in containers) / _GIB,
                per_core=per_core,
                per_gib=per_gib,
            )

    def _add(self, shares: dict[str, Share], taker: _Taker, start: float, end: float, asked: dict[str, float]) -> None:
        hours = max(end - max(start, taker.created), 0.0) / 3600.0
        if not hours:
            return
        share = shares.setdefault(taker.name, Share(properties=taker.properties))
        cores_used, memory_used = self._use(taker.uid, start, end)
        share.hours = max(share.hours, hours)
        share.cores_asked += taker.cores * hours
        share.cores_used += cores_used * hours
        share.memory_asked += taker.memory * hours
        share.memory_used += memory_used / _GIB * hours
        cpu = max(taker.cores, cores_used) * hours * taker.per_core
        ram = max(taker.memory, memory_used / _GIB) * hours * taker.per_gib
        share.cpu_cost += cpu
        share.memory_cost += ram
        node = taker.properties["node"]
        asked[node] = asked.get(node, 0.0) + cpu + ram

    def _use(self, uid: str, start: float, end: float) -> tuple[float, float]:
        track = self._world.tape.pod(uid)
        if not len(track.ticks):
            return 0.0, 0.0
        low, high = np.searchsorted(track.ticks, [start // TICK, end // TICK + 1])
        if high <= low:
            return float(track.rows[0, PodField.CPU]), float(track.rows[0, PodField.MEMORY])
        rows = track.rows[low:high]
        return float(rows[:, PodField.CPU].mean()), float(rows[:, PodField.MEMORY].mean())

    def assets(self, start: float, end: float) -> dict[str, JsonObject]:
        """Return the nodes with what they cost in the window."""
        hours = (end - start) / 3600.0
        found = {}
        for node in self._world.cluster.store.every(NODE):
            labels, price = node["metadata"]["labels"], price_of(self._world.scenario.estate, node)
            name = node["metadata"]["name"]
            found[name] = {
                "type": "Node",
                "properties": {"category": "Compute", "name": name, "cluster": self._world.scenario.estate.cluster},
                "nodeType": labels["node.kubernetes.io/instance-type"],
                "labels": labels,
                "minutes": hours * 60,
                "cpuCores": parse_quantity(node["status"]["capacity"]["cpu"]),
                "ramBytes": parse_quantity(node["status"]["capacity"]["memory"]),
                "totalCost": price * hours,
                "hourlyCost": price,
            }
        return found


def _read(text: str) -> float:
    return float(text) if text.replace(".", "").isdigit() else datetime.fromisoformat(text).timestamp()


def _request(container: JsonObject, name: str) -> float:
    return parse_quantity(container.get("resources", {}).get("requests", {}).get(name, "0"))


def _properties(pod: JsonObject, node: JsonObject, cluster: str) -> dict[str, str]:
    meta = pod["metadata"]
    labels = meta.get("labels", {})
    owner = next((o for o in meta.get("ownerReferences", []) if o.get("controller")), {"kind": "", "name": ""})
    kind, name = str(owner["kind"]).lower(), str(owner["name"])
    if kind == "replicaset":
        kind, name = "deployment", name.rpartition("-")[0]
    return {
        "cluster": cluster,
        "node": node["metadata"]["name"],
        "namespace": meta["namespace"],
        "controllerKind": kind,
        "controller": name,
        "pod": meta["name"],
        "team": labels.get("team", ""),
        "container": pod["spec"]["containers"][0]["name"],
    }


def _part(properties: dict[str, str], pod: JsonObject, key: str) -> str:
    if key.startswith("label:"):
        return str(pod["metadata"].get("labels", {}).get(key.removeprefix("label:"), "__unallocated__"))
    if key in {"deployment", "statefulset", "daemonset"}:
        return properties["controller"] if properties["controllerKind"] == key else "__unallocated__"
    return properties.get(key) or "__unallocated__"


def _shape(name: str, share: Share, start: float, end: float) -> JsonObject:
    hours = max(share.hours, 1e-9)
    stamps = [datetime.fromtimestamp(t, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for t in (start, end)]
    total = share.cpu_cost + share.memory_cost
    used = share.cores_used / share.cores_asked if share.cores_asked else 0.0
    filled = share.memory_used / share.memory_asked if share.memory_asked else 0.0
    return {
        "name": name,
        "properties": share.properties,
        "window": {"start": stamps[0], "end": stamps[1]},
        "start": stamps[0],
        "end": stamps[1],
        "minutes": hours * 60,
        "cpuCores": share.cores_asked / hours,
        "cpuCoreRequestAverage": share.cores_asked / hours,
        "cpuCoreUsageAverage": share.cores_used / hours,
        "cpuCoreHours": share.cores_asked,
        "cpuCost": share.cpu_cost,
        "cpuEfficiency": used,
        "ramBytes": share.memory_asked / hours * _GIB,
        "ramByteRequestAverage": share.memory_asked / hours * _GIB,
        "ramByteUsageAverage": share.memory_used / hours * _GIB,
        "ramByteHours": share.memory_asked * _GIB,
        "ramCost": share.memory_cost,
        "ramEfficiency": filled,
        "gpuCost": 0,
        "pvCost": 0,
        "networkCost": 0,
        "loadBalancerCost": 0,
        "sharedCost": 0,
        "externalCost": 0,
        "totalCost": total,
        "totalEfficiency": (used * share.cpu_cost + filled * share.memory_cost) / total if total else 0.0,
    }
