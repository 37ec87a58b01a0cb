"""What a workload asks for, by what its pods really requested over time, and what that costs. Pure."""

from dataclasses import dataclass
from typing import Any

from agents.cost.prices import UnitPrices, prices_of_allocations, prices_of_nodes
from agents.detector import Sightings
from incidents.entity import Entity
from incidents.ids import EntityId
from tools.kubernetes.node import Nodes
from tools.opencost.client import Allocation
from tools.opencost.probes.allocation import AllocationView
from tools.opencost.probes.node_prices import NodePricesView
from tools.probe import Observation
from tools.prometheus.curve import Curve, rounded
from tools.prometheus.probes.instant import InstantView
from tools.prometheus.probes.usage import ContainerUsage, UsageView

P95 = 0.95
"""The quantile of use that a request should cover: the upper bound of the Vertical Pod Autoscaler's recommendation."""
EXPORTED = 'avg by (__name__) ({__name__=~"node_cpu_hourly_cost|node_ram_hourly_cost"})'
"""What OpenCost's exporter says of nodes: USD per core and hour, and per GiB and hour."""
NODE_TOTALS = "max by (node) (node_total_hourly_cost)"
"""What OpenCost's exporter says that each node costs in USD per hour."""


@dataclass(frozen=True, kw_only=True)
class Requested:
    """One pod's requests and the number of pods, at the end of what was looked at."""

    pods: int
    cores: float
    memory: float
    """Bytes."""

    def usd_per_hour(self, prices: UnitPrices) -> float:
        """What all pods together cost for an hour."""
        return self.pods * prices.usd_per_hour(cores=self.cores, memory_bytes=self.memory)


def requested_of(view: UsageView) -> Requested | None:
    """What the workload requests; None when nobody exports requests."""
    known = [one for one in view.containers if one.cpu_request or one.memory_request]
    if not known:
        return None
    running = max((_last(one.pods) for one in view.containers), default=0.0)
    return Requested(
        pods=int(_last(view.desired) if view.desired else running),  # pods that crash are paid for as well
        cores=sum(_last(one.cpu_request) for one in known),
        memory=sum(_last(one.memory_request) for one in known),
    )


def prices_of(sightings: Sightings) -> tuple[UnitPrices, tuple[Observation[Any], ...]] | None:
    """Prices and where they were seen: OpenCost's, its exporter's metrics, or configured prices of nodes."""
    for allocation in sightings.of(AllocationView):
        if (prices := prices_of_allocations(allocation.view.rows)) is not None:
            return prices, (allocation,)
    for exported in sightings.of(InstantView):
        if exported.view.query == EXPORTED and (prices := _exported(exported.view)) is not None:
            return prices, (exported,)
    for configured in sightings.of(NodePricesView):
        for nodes in sightings.of(Nodes):
            prices = prices_of_nodes(nodes.view.nodes, configured.view.usd_per_hour)
            if prices is not None:
                return prices, (nodes, configured)
    return None


def _exported(view: InstantView) -> UnitPrices | None:
    found = {sample.labels.get("__name__"): sample.value for sample in view.samples}
    core, gib = found.get("node_cpu_hourly_cost"), found.get("node_ram_hourly_cost")
    if not core or not gib:
        return None
    return UnitPrices(core_hour=core, gib_hour=gib, basis="OpenCost's prices of nodes")


def rows_of(view: AllocationView, entity: EntityId) -> tuple[Allocation, ...]:
    """The workload's allocations, the latest hour first."""
    wanted = Entity.parse(entity)
    return tuple(row for row in view.rows if row.namespace == wanted.namespace and row.controller == wanted.name)


def p95_of(curve: Curve | None, *, least: int) -> float | None:
    """The 95th percentile over time; None with fewer than `least` samples."""
    known = sorted(value for value in curve.values if value is not None) if curve else []
    return known[int(P95 * (len(known) - 1))] if len(known) >= least else None


def requested_over_time(view: UsageView, resource: str) -> Curve | None:
    """Cores or bytes that all pods together requested, on the grid of the view."""
    parts = [curve for one in view.containers if (curve := _all_pods(one, resource)) is not None]
    if not parts:
        return None
    columns = zip(*(curve.values for curve in parts), strict=False)
    sums = tuple(
        rounded(sum(known)) if (known := [value for value in column if value is not None]) else None
        for column in columns
    )
    return parts[0].model_copy(update={"labels": {}, "values": sums})


def _all_pods(one: ContainerUsage, resource: str) -> Curve | None:
    per_pod = one.cpu_request if resource == "cpu" else one.memory_request
    if per_pod is None or one.pods is None:
        return None
    pairs = zip(per_pod.values, one.pods.values, strict=False)
    values = tuple(a * b if a is not None and b is not None else None for a, b in pairs)
    return per_pod.model_copy(update={"values": values})


def _last(curve: Curve | None) -> float:
    return (curve.last if curve else None) or 0.0
