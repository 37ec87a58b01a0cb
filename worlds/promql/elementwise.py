"""Functions that map each sample on its own: mathematics, clamping, and the parts of a date (UTC)."""

from collections.abc import Callable, Mapping

import numpy as np

from worlds.promql.frame import Floats

_SECONDS_PER_DAY = 86_400


def clamp(values: Floats, low: Floats, high: Floats) -> Floats:
    """Bound values from both sides (the caller drops everything where low > high)."""
    return np.where(np.isnan(low) | np.isnan(high), np.nan, np.maximum(low, np.minimum(high, values)))


def clamp_min(values: Floats, low: Floats) -> Floats:
    """Bound values from below."""
    return np.maximum(low, values)


def clamp_max(values: Floats, high: Floats) -> Floats:
    """Bound values from above."""
    return np.minimum(high, values)


def round_to(values: Floats, to: Floats) -> Floats:
    """Round to the nearest multiple of `to`; ties go up."""
    inverse = 1.0 / to
    return np.floor(values * inverse + 0.5) / inverse


def sgn(values: Floats) -> Floats:
    """Return -1, 0 or 1."""
    return np.sign(values)


ARITHMETIC: Mapping[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sgn": sgn,
    "deg": np.rad2deg,
    "rad": np.deg2rad,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
}


def _minute(seconds: Floats) -> Floats:
    return np.floor(np.mod(_whole(seconds), 3600.0) / 60)


def _hour(seconds: Floats) -> Floats:
    return np.floor(np.mod(_whole(seconds), _SECONDS_PER_DAY) / 3600)


def _day_of_week(seconds: Floats) -> Floats:
    # 1970-01-01 was a Thursday, and Prometheus counts from Sunday = 0.
    days = np.floor(_whole(seconds) / _SECONDS_PER_DAY)
    weekday: Floats = np.mod(days + 4, 7.0)
    return weekday


def _day_of_month(seconds: Floats) -> Floats:
    return _days_since(seconds, "datetime64[M]") + 1


def _day_of_year(seconds: Floats) -> Floats:
    return _days_since(seconds, "datetime64[Y]") + 1


def _days_in_month(seconds: Floats) -> Floats:
    months = _dates(seconds).astype("datetime64[M]")
    length = (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
    days: Floats = length.astype(np.float64)
    return days


def _month(seconds: Floats) -> Floats:
    return _dates(seconds).astype("datetime64[M]").astype(np.int64).astype(np.float64) % 12 + 1


def _year(seconds: Floats) -> Floats:
    return _dates(seconds).astype("datetime64[Y]").astype(np.int64).astype(np.float64) + 1970


DATES: Mapping[str, Callable[[Floats], Floats]] = {
    "minute": _minute,
    "hour": _hour,
    "day_of_week": _day_of_week,
    "day_of_month": _day_of_month,
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "month": _month,
    "year": _year,
}


def _whole(seconds: Floats) -> Floats:
    whole: Floats = np.trunc(np.nan_to_num(seconds))
    return whole


def _dates(seconds: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]:
    return _whole(seconds).astype(np.int64).astype("datetime64[s]")


def _days_since(seconds: Floats, unit: str) -> Floats:
    dates = _dates(seconds)
    passed = dates.astype("datetime64[D]") - dates.astype(unit).astype("datetime64[D]")
    days: Floats = passed.astype(np.float64)
    return days
