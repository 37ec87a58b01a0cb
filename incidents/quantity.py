"""Kubernetes quantities (`512Mi`, `250m`, `1e3`) as numbers, and numbers as people write them.

Source of the form: k8s.io/apimachinery/pkg/api/resource, type Quantity.
"""

import re

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?")
_FACTORS = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}
BINARY = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))
"""Units of memory in which people write it, the largest first."""


def parse_quantity(text: str) -> float:
    """The number a quantity stands for. Raises ValueError that names the text and the form."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no quantity: write for example 512Mi, 250m or 2")
    number, suffix = match[1], match[2] or ""
    if suffix and suffix not in _FACTORS:
        return float(number + suffix)
    return float(number) * _FACTORS[suffix]


def bytes_quantity(size: int) -> str:
    """A quantity of exactly that many bytes, in the largest binary unit that divides it."""
    for suffix, factor in BINARY:
        if size and size % factor == 0:
            return f"{size // factor}{suffix}"
    return str(size)


def format_cores(cores: float) -> str:
    """`250m`, `2`, `1500m`: how CPU is written in manifests."""
    return f"{cores:.0f}" if cores == int(cores) else f"{cores * 1000:.0f}m"
