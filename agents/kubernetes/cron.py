"""When a cron schedule was last due. Pure; the five fields as Kubernetes takes them (robfig/cron, standard form)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_NAMES = {
    name: number
    for names, start in (("jan feb mar apr may jun jul aug sep oct nov dec", 1), ("sun mon tue wed thu fri sat", 0))
    for number, name in enumerate(names.split(), start)
}
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_FIELDS = 5
FARTHEST = timedelta(days=8)
"""How far back is looked: schedules rarer than weekly are not judged."""


def last_due(schedule: str, *, now: datetime, timezone: str = "") -> datetime | None:
    """The newest minute at which the schedule was due; None when it is not understood or was not due lately."""
    try:
        fields = [_values(text, *bounds) for text, bounds in zip(_split(schedule), _RANGES, strict=True)]
        local = now.astimezone(ZoneInfo(timezone)) if timezone else now
    except (ValueError, KeyError, OSError):
        return None
    either = "*" not in (_split(schedule)[2], _split(schedule)[4])
    moment = local.replace(second=0, microsecond=0)
    while now - moment <= FARTHEST:
        if _matches(moment, fields, either=either):
            return moment.astimezone(now.tzinfo)
        moment -= timedelta(minutes=1)
    return None


def _split(schedule: str) -> list[str]:
    fields = _MACROS.get(schedule.strip(), schedule).split()
    if len(fields) != _FIELDS:
        raise ValueError(f"{schedule!r} has {len(fields)} fields, not five")
    return fields


def _values(text: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if first in {"*", "?"} else _number(first)
        end = high if first in {"*", "?"} or (step and not last) else _number(last or first)
        found |= set(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str) -> int:
    return _NAMES[text.lower()] if text.isalpha() else int(text)


def _matches(moment: datetime, fields: list[frozenset[int]], *, either: bool) -> bool:
    """Day of month and day of week count as alternatives when both are given."""
    minutes, hours, days, months, weekdays = fields
    if moment.minute not in minutes or moment.hour not in hours or moment.month not in months:
        return False
    weekday = moment.isoweekday() % 7
    by_day, by_week = moment.day in days, weekday in weekdays or (weekday == 0 and 7 in weekdays)  # noqa: PLR2004
    return by_day or by_week if either else by_day and by_week
