"""Numbers as Prometheus' templates write them for people (template/template.go)."""

import math
from datetime import UTC, datetime

_LARGE = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("", "m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_GO_EXPONENT_FROM = 6  # Go's %v switches to an exponent at 1e+06
_GO_EXPONENT_BELOW = -4


def humanize(value: float) -> str:
    """Write with an SI prefix: 1234567 is `1.235M`, 0.0012 is `1.2m`."""
    if value == 0 or not math.isfinite(value):
        return _short(value)
    if abs(value) >= 1:
        return _scaled(value, _LARGE, 1000.0)
    step = 0
    while abs(value) < 1 and step < len(_SMALL) - 1:
        value, step = value * 1000, step + 1
    return _short(value) + _SMALL[step]


def humanize1024(value: float) -> str:
    """Write with a binary prefix: 1048576 is `1Mi`."""
    if abs(value) <= 1 or not math.isfinite(value):
        return _short(value)
    return _scaled(value, _BINARY, 1024.0)


def humanize_percentage(value: float) -> str:
    """Write a ratio as a percentage: 0.2534 is `25.34%`."""
    return f"{_short(value * 100)}%"


def humanize_duration(seconds: float) -> str:
    """Write seconds as days, hours, minutes and seconds."""
    if not math.isfinite(seconds):
        return _short(seconds)
    if seconds == 0:
        return "0s"
    if abs(seconds) < 1:
        return f"{humanize(seconds)}s"
    sign, whole = ("-" if seconds < 0 else ""), int(abs(seconds))
    days, hours, minutes, rest = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if whole < 60:  # noqa: PLR2004 -- below a minute the fraction is shown
        return f"{sign}{_short(abs(seconds))}s"
    parts = [f"{days}d", f"{hours}h", f"{minutes}m", f"{rest}s"]
    leading = 0 if days else 1 if hours else 2
    return sign + " ".join(parts[leading:])


def humanize_timestamp(seconds: float) -> str:
    """Write unix seconds as a UTC time."""
    if not math.isfinite(seconds):
        return _short(seconds)
    moment = datetime.fromtimestamp(seconds, UTC)
    fraction = f"{moment:.%f}".rstrip("0").removesuffix(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def go_float(value: float) -> str:
    """Write a float as Go's `%v` does."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    exponent = math.floor(math.log10(abs(value)))
    digits = repr(value).removesuffix(".0")
    if _GO_EXPONENT_BELOW <= exponent < _GO_EXPONENT_FROM and "e" not in digits:
        return digits
    return go_exponent(value)


def go_exponent(value: float) -> str:
    """Write a float as Go's FormatFloat(value, 'e', -1) does: the shortest mantissa, two digits of exponent."""
    if not math.isfinite(value):
        return go_float(value)
    for precision in range(17):
        text = f"{value:.{precision}e}"
        if float(text) == value:
            return text
    return f"{value:.17e}"


def _scaled(value: float, prefixes: tuple[str, ...], base: float) -> str:
    step = 0
    while abs(value) >= base and step < len(prefixes) - 1:
        value, step = value / base, step + 1
    return _short(value) + prefixes[step]


def _short(value: float) -> str:
    if not math.isfinite(value):
        return go_float(value)
    return f"{value:.4g}"
