"""What nodes and their parts cost."""

from worlds.objects.kinds import JsonObject
from worlds.scenario.estate import Estate

# Usual split of a node's price: a core costs about seven and a half times as much as a GiB.
CORE_TO_GIB = 7.5


def price_of(estate: Estate, node: JsonObject) -> float:
    """Return the price of a node per hour."""
    pool = node["metadata"].get("labels", {}).get("node-pool", "")
    return next((p.price_per_hour for p in estate.nodes if p.name == pool), 0.0)


def unit_prices(price: float, *, cores: float, gibibytes: float) -> tuple[float, float]:
    """Split a node's price: per core-hour and per GiB-hour."""
    per_gibibyte = price / (cores * CORE_TO_GIB + gibibytes)
    return per_gibibyte * CORE_TO_GIB, per_gibibyte
