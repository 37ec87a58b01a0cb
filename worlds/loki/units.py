"""Durations and byte sizes as LogQL and log lines write them."""

import re

_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0,
    "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w|y)")
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGTPE]?)(i?)[bB]?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def seconds_of(text: str) -> float:
    """Read `1h30m` or `250ms` as seconds. Raises ValueError."""
    sign, rest = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    parts = _PART.findall(rest)
    if not parts or "".join(number + unit for number, unit in parts) != rest:
        raise ValueError(f"not a duration: {text!r}")
    return sign * sum(float(number) * _SECONDS[unit] for number, unit in parts)


def bytes_of(text: str) -> float:
    """Read `5MB` or `1.5KiB` as bytes. Raises ValueError."""
    match = _BYTES.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    number, prefix, binary = match.groups()
    return float(number) * float(1024 if binary else 1000) ** _POWERS[prefix]
