"""How times and durations are read from request parameters and written in answers."""

from datetime import UTC, datetime

from worlds.prometheus.answers import ApiError, ErrorType
from worlds.promql.errors import ParseError
from worlds.promql.parsing import parse_duration


def read_time(text: str, *, name: str, default: float | None = None) -> float:
    """Read unix seconds or RFC 3339. Raises ApiError (bad_data) as Prometheus words it."""
    if not text and default is not None:
        return default
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        wrapped = "" if default is None else f"Invalid time value for '{name}': "  # Prometheus wraps optional ones
        raise invalid(name, f'{wrapped}cannot parse "{text}" to a valid timestamp')
    return moment.timestamp()


def read_duration(text: str, *, name: str) -> float:
    """Read seconds or a Prometheus duration. Raises ApiError (bad_data)."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse_duration(text)
    except ParseError as error:
        raise invalid(name, f'cannot parse "{text}" to a valid duration') from error


def invalid(name: str, reason: str) -> ApiError:
    """Return the error for a parameter that cannot be used."""
    return ApiError(ErrorType.BAD_DATA, f'invalid parameter "{name}": {reason}')


def write_time(moment: datetime) -> str:
    """Write RFC 3339 in UTC as Go does: fractional seconds only as long as needed, `Z` at the end."""
    text = moment.astimezone(UTC).isoformat()
    text = text.removesuffix("+00:00")
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return text + "Z"
