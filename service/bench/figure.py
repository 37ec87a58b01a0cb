"""What a benchmark returns, and how it is shown beside its aim."""

import statistics
from collections.abc import Sequence

from incidents.value import Value


class Figure(Value):
    """One measured number."""

    name: str
    value: float
    unit: str
    aim: str = ""
    """The goal in words; empty when there is none."""
    met: bool | None = None
    """Whether the aim was met; None without an aim."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share (0..1) lies, by linear interpolation. Raises ValueError for no values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    place = share * (len(ordered) - 1)
    low, high = int(place), min(int(place) + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(name: str, values: Sequence[float], unit: str, *, most: float | None = None) -> list[Figure]:
    """Median and 95th percentile; `most` is the aim for the latter."""
    p95 = percentile(values, 0.95)
    aim = f"p95 under {most:g} {unit}" if most is not None else ""
    return [
        Figure(name=f"{name} (median of {len(values)})", value=statistics.median(values), unit=unit),
        Figure(name=f"{name} (p95)", value=p95, unit=unit, aim=aim, met=None if most is None else p95 < most),
    ]
