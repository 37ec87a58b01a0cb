"""How Prometheus writes a sample's value in JSON and in labels (Go's strconv.FormatFloat with 'f' and -1)."""

import math
from decimal import Decimal


def format_value(value: float) -> str:
    """Write a float in the shortest form that reads back equal, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text or "E" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")
