"""The small notations of a scenario file: `-12m` (duration), `512Mi` (quantity), `250m / 500m` (request and limit)."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from worlds.objects.quantity import parse_quantity

_UNITS = {"us": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"^([+-]?)((?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+)$")
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)")


class Value(BaseModel):
    """A frozen, closed value of the scenario format."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parse_duration(raw: Any) -> float:
    """Return seconds for `90s`, `1h30m`, `-12m`, `0` or a number of seconds. Raises ValueError."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return float(raw)
    found = _DURATION.match(str(raw).replace(" ", ""))
    if found is None:
        if str(raw).strip() == "0":
            return 0.0
        raise ValueError(f"{raw!r} is not a duration: write for example 90s, -12m, 1h30m or 45ms")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(found[2]))
    return -seconds if found[1] == "-" else seconds


def _quantity(raw: Any) -> str:
    text = str(raw).strip()
    parse_quantity(text)
    return text


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written as a duration."""

Quantity = Annotated[str, BeforeValidator(_quantity)]
"""A Kubernetes quantity, kept as it was written."""


class Pair(Value):
    """What a container requests and what it is limited to; an empty side is not set."""

    request: str = ""
    limit: str = ""


def _pair(raw: Any) -> Any:
    if isinstance(raw, Pair | dict):
        return raw
    request, _, limit = str(raw).partition("/")
    for side in (request.strip(), limit.strip()):
        if side and side != "-":
            parse_quantity(side)
    return {"request": request.strip().strip("-"), "limit": limit.strip().strip("-")}


RequestLimit = Annotated[Pair, BeforeValidator(_pair)]
"""`250m / 500m`: request and limit; `- / 500m` and `250m / -` leave one out."""
