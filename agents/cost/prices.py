"""What a core and a GiB of memory cost here for an hour. Pure: from OpenCost's allocations, or from prices of nodes."""

from collections.abc import Mapping, Sequence

from incidents.value import Value
from tools.kubernetes.node import Node
from tools.opencost.client import Allocation

GIB = 2**30
GIB_PER_CORE = 0.031611 / 0.004237
"""GiB of memory that cost as much as one core, about 7.5: OpenCost's default on-premises prices per hour
(configs/default.json), by which it splits a node's price when its provider names only the whole."""
ANY_NODE = "*"
"""Key of a configured price that holds for every node not named otherwise."""
LEAST_CORE_HOURS = 0.01
"""Below it a price per core is a division of crumbs."""


class UnitPrices(Value):
    """Prices in USD per hour of what is requested."""

    core_hour: float
    gib_hour: float
    basis: str
    """Where they come from, for people."""

    def usd_per_hour(self, *, cores: float, memory_bytes: float) -> float:
        """What that much costs for an hour."""
        return cores * self.core_hour + memory_bytes / GIB * self.gib_hour


def prices_of_allocations(rows: Sequence[Allocation]) -> UnitPrices | None:
    """The average prices that OpenCost counted with; None when it counted too little."""
    cores, gibs = sum(row.cpu_core_hours for row in rows), sum(row.ram_byte_hours for row in rows) / GIB
    if cores < LEAST_CORE_HOURS or gibs < LEAST_CORE_HOURS:
        return None
    return UnitPrices(
        core_hour=sum(row.cpu_cost for row in rows) / cores,
        gib_hour=sum(row.ram_cost for row in rows) / gibs,
        basis="OpenCost's prices",
    )


def prices_of_nodes(nodes: Sequence[Node], configured: Mapping[str, float]) -> UnitPrices | None:
    """Configured prices by node name, instance type or `*`, spread over what the nodes have; None when none fits."""
    priced = [(node, price) for node in nodes if (price := price_of(node, configured)) is not None]
    weight = sum(node.capacity.cpu + node.capacity.memory / GIB / GIB_PER_CORE for node, _ in priced)
    if not priced or weight <= 0:
        return None
    core_hour = sum(price for _, price in priced) / weight
    basis = f"configured prices of {len(priced)} of {len(nodes)} nodes"
    return UnitPrices(core_hour=core_hour, gib_hour=core_hour / GIB_PER_CORE, basis=basis)


def price_of(node: Node, configured: Mapping[str, float]) -> float | None:
    """The price of one node in USD per hour; None when nothing configured names it."""
    keys = (node.meta.name, node.instance_type, ANY_NODE)
    return next((configured[key] for key in keys if key in configured), None)
