"""Nodes that cost far more than the others for the same room: whoever runs there pays for what it may not use."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from agents.cost.prices import GIB, GIB_PER_CORE, price_of
from agents.cost.requested import NODE_TOTALS
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.node import Node, Nodes
from tools.opencost.probes.node_prices import NodePricesView
from tools.probe import Observation
from tools.prometheus.probes.instant import InstantView

DEAR = FactSpec(
    kind=FactKind("cost.expensive_node"),
    role=FactRole.STATE,
    meaning="A node costs far more than the cluster's other nodes for the same CPU and memory.",
    attributes={
        "instance_type": "its instance type",
        "usd_per_hour": "what it costs",
        "times": "its price for the same room by the usual one",
        "usual_type": "the instance type of the usual nodes",
    },
)
TIMES = 2.0
"""Twice the price for the same room. Generations and families of machines differ by less; GPUs, local disks and
licences make the difference, and these are wanted or they are waste."""
MINORITY = 0.5
"""Share of the nodes below which a price is an exception and not the cluster's own."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - the form of a detector
    """One fact per node."""
    for seen in sightings.of(Nodes):
        prices, sources = _prices(sightings, seen.view.nodes)
        units = {
            node.meta.entity: prices[node.meta.name] / _room(node) for node in seen.view.nodes if _priced(node, prices)
        }
        if not units:
            continue
        usual = median(units.values())
        dear = [node for node in seen.view.nodes if units.get(node.meta.entity, 0.0) >= TIMES * usual > 0]
        if dear and len(dear) < MINORITY * len(units):
            usual_type = _usual_type(seen.view.nodes, dear)
            for node in dear:
                times = units[node.meta.entity] / usual
                yield _fact(node, prices[node.meta.name], times, usual_type, seen=[seen, *sources])


def _prices(sightings: Sightings, nodes: Iterable[Node]) -> tuple[dict[str, float], list[Observation[Any]]]:
    """USD per hour by name of the node: OpenCost's, else configured ones."""
    for exported in sightings.of(InstantView):
        if exported.view.query == NODE_TOTALS and exported.view.samples:
            values = {one.labels.get("node", ""): one.value for one in exported.view.samples}
            return {name: value for name, value in values.items() if value is not None}, [exported]
    for configured in sightings.of(NodePricesView):
        known = {node.meta.name: price_of(node, configured.view.usd_per_hour) for node in nodes}
        return {name: price for name, price in known.items() if price is not None}, [configured]
    return {}, []


def _priced(node: Node, prices: Mapping[str, float]) -> bool:
    return node.meta.name in prices and _room(node) > 0


def _room(node: Node) -> float:
    """Its CPU and memory in one figure: cores, with memory counted at the price of the cores that cost as much."""
    return node.capacity.cpu + node.capacity.memory / GIB / GIB_PER_CORE


def _usual_type(nodes: Iterable[Node], dear: list[Node]) -> str:
    types = [node.instance_type for node in nodes if node not in dear and node.instance_type]
    return max(sorted(set(types)), key=types.count, default="")


def _fact(node: Node, price: float, times: float, usual: str, *, seen: Iterable[Observation[Any]]) -> Fact:
    kind = f" ({node.instance_type})" if node.instance_type else ""
    others = f" {usual} does" if usual else " the others do"
    return state(
        DEAR,
        entity=node.meta.entity,
        text=f"node {node.meta.name}{kind} costs {price:.2f} $/h, {times:.1f} times what{others} for the same room",
        seen=seen,
        at=None,
        detector=DETECTOR.name,
        instance_type=node.instance_type or None,
        usd_per_hour=round(price, 4),
        times=round(times, 2),
        usual_type=usual or None,
    )


DETECTOR = Detector(name="cost.dear_nodes", emits=(DEAR,), needs=(Nodes,), detect=detect)
