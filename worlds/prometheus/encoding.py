"""Query results as Prometheus writes them in JSON: numbers of samples are strings, times are numbers."""

import math
import re
from collections.abc import Sequence
from typing import assert_never

import orjson

from worlds.prometheus.answers import Json
from worlds.prometheus.humanize import go_exponent
from worlds.promql.number import format_value
from worlds.promql.result import MatrixResult, Result, ScalarResult, StringResult, VectorResult

_SMALLEST_PLAIN, _SMALLEST_LARGE = 1e-6, 1e21
_UNUSUAL = re.compile("[en]")  # an exponent, null for what is no number


def encode_result(result: Result) -> Json:
    """Return the `data` of /api/v1/query and /api/v1/query_range."""
    match result:
        case VectorResult():
            rows: list[Json] = [
                {"metric": dict(one.labels), "value": _pair(one.time, one.value)} for one in result.samples
            ]
            return {"resultType": "vector", "result": rows}
        case MatrixResult():
            times = _Times()
            runs: list[Json] = [
                {
                    "metric": dict(run.labels),
                    "values": list(zip(times.of(run.times), _values(run.values), strict=True)),
                }
                for run in result.runs
            ]
            return {"resultType": "matrix", "result": runs}
        case ScalarResult():
            return {"resultType": "scalar", "result": _pair(result.time, result.value)}
        case StringResult():
            return {"resultType": "string", "result": [_time(result.time), result.value]}
        case _:
            assert_never(result)


def _pair(time: float, value: float) -> Json:
    return [_time(time), _value(value)]


def _value(value: float) -> str:
    """Write a value as util/jsonutil does: with an exponent only where it is very large or very small."""
    extreme = math.isfinite(value) and value != 0 and not _SMALLEST_PLAIN <= abs(value) < _SMALLEST_LARGE
    return go_exponent(value) if extreme else format_value(value)


def _values(values: Sequence[float]) -> list[str]:
    """Write many values at once. Where none is extreme or no number, a list's JSON has all but the last word."""
    text = orjson.dumps(values).decode()
    if _UNUSUAL.search(text):
        return [_value(value) for value in values]
    return [written.removesuffix(".0") for written in text[1:-1].split(",")]


class _Times:
    """Times as they are written. Most runs of an answer share theirs."""

    def __init__(self) -> None:
        self._last: Sequence[float] = ()
        self._written: list[float] = []

    def of(self, times: Sequence[float]) -> list[float]:
        """Return them as they are written."""
        if times is not self._last:
            whole = all(map(float.is_integer, times))
            self._last, self._written = times, list(map(int if whole else _time, times))
        return self._written


def _time(seconds: float) -> float:
    """Keep milliseconds, and write whole seconds as integers."""
    rounded = round(seconds, 3)
    return int(rounded) if rounded.is_integer() else rounded
