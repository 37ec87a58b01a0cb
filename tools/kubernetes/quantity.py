"""Kubernetes quantities as an API server answers them, present or absent. Their form is in `incidents.quantity`."""

from incidents.quantity import BINARY, parse_quantity


def read_cores(text: str | None) -> float | None:
    """CPU in cores: `250m` is 0.25. None for an absent or unreadable quantity."""
    value = _read(text)
    return None if value is None else round(value, 6)


def read_bytes(text: str | None) -> int | None:
    """Memory or storage in bytes: `256Mi` is 268435456. None for an absent or unreadable quantity."""
    value = _read(text)
    return None if value is None else round(value)


def format_bytes(size: float) -> str:
    """`256Mi`, `1.5Gi`: binary units, at most one decimal, exact where it can be."""
    for suffix, factor in BINARY:
        if abs(size) >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + suffix
    return f"{size:.0f}"


def _read(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse_quantity(text)
    except ValueError:
        return None
