"""Kubernetes quantities as numbers."""

import re

_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<suffix>[A-Za-z]*)")
_FACTORS = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def amount_of(text: str) -> float:
    """Read `200m`, `1Gi`, `3`; 0 for what is none."""
    match = _QUANTITY.fullmatch(text.strip())
    return float(match["number"]) * _FACTORS.get(match["suffix"], 0.0) if match else 0.0
