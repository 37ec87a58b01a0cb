"""Figures of facts as the arguments of actions: bytes to `448Mi`, cores to `750m`, replicas to whole numbers."""

import math

from incidents.value import Scalar

MEBIBYTE = 1024 * 1024
MEMORY_STEP = 16
"""Mebibytes. Limits are written in round figures; rounding goes up, as the figure is what is needed."""
CPU_STEP = 50
"""Millicores."""


def as_argument(name: str, number: float) -> Scalar:
    """A number as the argument of that name wants it. Memory is in bytes, CPU in cores."""
    if name.startswith("memory"):
        return f"{_step(number / MEBIBYTE, MEMORY_STEP)}Mi"
    if name.startswith("cpu"):
        return f"{_step(number * 1000, CPU_STEP)}m"
    if name in WHOLE:
        return math.ceil(round(number, 6))
    return number


WHOLE = frozenset({"replicas", "to_revision", "to_id", "duration_minutes"})
"""Arguments that are whole numbers."""


def _step(number: float, step: int) -> int:
    return max(step, math.ceil(round(number / step, 6)) * step)


UNITS = {"Ki": 1024, "Mi": MEBIBYTE, "Gi": 1024**3, "Ti": 1024**4, "k": 1000, "M": 10**6, "G": 10**9, "m": 0.001}


def number_of(value: Scalar) -> float | None:
    """A figure of a fact or an argument as a number, quantities in bytes or cores; None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    text = value.strip()
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    try:
        return float(text.removesuffix(unit)) * UNITS.get(unit, 1)
    except ValueError:
        return None
