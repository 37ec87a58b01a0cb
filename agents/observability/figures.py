"""How measured figures are said: seconds, rates, bytes per hour. Shares and times are in `agents.wording`."""

from tools.kubernetes.quantity import format_bytes

MILLISECONDS_BELOW = 1.0
"""Seconds below which people say milliseconds."""
HUNDRED = 100.0


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
