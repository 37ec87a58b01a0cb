"""Durations in configuration files: `5m`, `1h30m`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

from worlds.promql.errors import ParseError
from worlds.promql.parsing import parse_duration

_ZERO = re.compile(r"0(?:ms|[smhdwy])?")  # the query language refuses a duration of nothing, configuration does not


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _ZERO.fullmatch(value):
        return timedelta(0)
    try:
        return timedelta(seconds=parse_duration(value))
    except ParseError as error:
        raise ValueError(f"{error}; write for example 30s, 5m or 1h30m") from error


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A pydantic field that also reads Prometheus' notation."""
