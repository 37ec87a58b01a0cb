"""How measured figures are said: seconds, rates, bytes per hour. Shares and times are in `agents.wording`."""

from incidents.action import name_of
from incidents.ids import EntityId
from tools.kubernetes.quantity import format_bytes

MILLISECONDS_BELOW = 1.0
"""Seconds below which people say milliseconds."""


def latency(seconds: float) -> str:
    """`410 ms`, `2.4 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < MILLISECONDS_BELOW else f"{seconds:.1f} s"


def rate(per_second: float) -> str:
    """`40 requests/s`, `0.5 requests/s`."""
    return f"{per_second:.0f} requests/s" if per_second >= 10 else f"{per_second:.1f} requests/s"  # noqa: PLR2004 - two digits


def cores(number: float) -> str:
    """`250m`, `1.5 cores`."""
    return f"{number * 1000:.0f}m" if number < 1 else f"{number:.1f} cores"


def size(number: float) -> str:
    """`256Mi`."""
    return format_bytes(number)


def money(usd_per_hour: float) -> str:
    """`0.42 $/h`."""
    return f"{usd_per_hour:.2f} $/h"


def container_of(workload: EntityId, container: str) -> str:
    """`container app of checkout`; `checkout's container` where both have one name."""
    name = name_of(workload)
    return f"{name}'s container" if container == name else f"container {container} of {name}"
