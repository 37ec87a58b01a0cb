"""Kubernetes quantities: `512Mi`, `250m`, `2`."""

from functools import lru_cache

_FACTORS = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
}

MEBIBYTE = 2**20


class QuantityError(ValueError):
    """A quantity is a number with a unit such as 512Mi, 250m or 2."""


@lru_cache(maxsize=4096)
def parse_quantity(text: str | float) -> float:
    """Return a quantity in bytes, cores or pieces. Raises QuantityError."""
    raw = str(text).strip()
    for suffix, factor in _FACTORS.items():
        if raw.endswith(suffix):
            return _number(raw.removesuffix(suffix), whole=raw) * factor
    return _number(raw, whole=raw)


def _number(digits: str, *, whole: str) -> float:
    try:
        return float(digits)
    except ValueError as problem:
        raise QuantityError(f"{whole!r} is not a quantity: write for example 512Mi, 250m or 2") from problem
