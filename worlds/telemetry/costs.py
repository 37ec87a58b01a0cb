"""The metrics that OpenCost exports to Prometheus: prices of nodes and what containers are allocated."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from worlds.cluster.nodes import NODE
from worlds.estate.flow import PodField
from worlds.estate.pricing import price_of, unit_prices
from worlds.estate.simulation import Simulation
from worlds.objects.kinds import JsonObject
from worlds.objects.quantity import parse_quantity
from worlds.promql.storage import METRIC_NAME, Matcher, MetricMetadata, Series, matches_all
from worlds.telemetry.grid import Window
from worlds.telemetry.processes import ProcessTrack, ProcessTracks

_NODE_PRICES = {
    "node_total_hourly_cost": "Total node cost per hour.",
    "node_cpu_hourly_cost": "Hourly cost per vCPU on this node.",
    "node_ram_hourly_cost": "Hourly cost per GiB of memory on this node.",
}
_ALLOCATIONS = {
    "container_cpu_allocation": ("cpu", PodField.CPU, "Cores allocated: the larger of request and use."),
    "container_memory_allocation_bytes": ("memory", PodField.MEMORY, "Bytes allocated: the larger of request and use."),
}


class CostMetrics:
    """Series of OpenCost."""

    def __init__(self, world: Simulation, tracks: ProcessTracks) -> None:
        self._world = world
        self._tracks = tracks

    def names(self) -> Collection[str]:
        """Return the names that it has."""
        return {*_NODE_PRICES, *_ALLOCATIONS}

    def metadata(self) -> dict[str, MetricMetadata]:
        """Return type and help by name."""
        texts = _NODE_PRICES | {name: text for name, (_, _, text) in _ALLOCATIONS.items()}
        return {name: MetricMetadata(type="gauge", help=text) for name, text in texts.items()}

    def series(self, name: str, matchers: Sequence[Matcher], window: Window) -> Iterator[Series]:
        """Yield the matching series of one metric."""
        if name in _NODE_PRICES:
            for node in self._world.cluster.store.every(NODE):
                labels = {METRIC_NAME: name, **_node_labels(node)}
                if matches_all(matchers, labels):
                    yield window.constant(labels, self._price(name, node))
            return
        for track in self._tracks.every(window):
            labels = {METRIC_NAME: name, **_container_labels(track)}
            if matches_all(matchers, labels):
                resource, field, _ = _ALLOCATIONS[name]
                asked = track.pod["spec"]["containers"][0].get("resources", {}).get("requests", {}).get(resource, "0")
                values = np.maximum(track.gauge(field), parse_quantity(asked))
                yield track.series(labels, values)

    def _price(self, name: str, node: JsonObject) -> float:
        total = price_of(self._world.scenario.estate, node)
        capacity = node["status"]["capacity"]
        core, gibibyte = unit_prices(
            total, cores=parse_quantity(capacity["cpu"]), gibibytes=parse_quantity(capacity["memory"]) / 2**30
        )
        return {"node_cpu_hourly_cost": core, "node_ram_hourly_cost": gibibyte}.get(name, total)


def _node_labels(node: JsonObject) -> dict[str, str]:
    labels, name = node["metadata"]["labels"], node["metadata"]["name"]
    return {
        "job": "opencost",
        "node": name,
        "instance": name,
        "instance_type": labels["node.kubernetes.io/instance-type"],
        "region": labels["topology.kubernetes.io/region"],
    }


def _container_labels(track: ProcessTrack) -> dict[str, str]:
    meta, container = track.pod["metadata"], track.pod["spec"]["containers"][0]["name"]
    labels = {"job": "opencost", "namespace": meta["namespace"], "pod": meta["name"]}
    return labels | {"container": container, "node": track.node}
