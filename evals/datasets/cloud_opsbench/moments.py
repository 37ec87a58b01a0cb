"""Times as kubectl prints them: ages, dates with a zone, and at which moment each recorded command ran.

Ages are relative to the command that printed them, and the commands of a case ran one after the other over a minute.
Where a listing shows the age of something whose time of creation is known, the command's moment is known, too; the
moments of the others lie in between.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

_PART = re.compile(r"(\d+)([ydhms])")
_UNIT = {
    "y": timedelta(days=365),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_AGE = re.compile(r"(?:\d+[ydhms])+")
_DATE = re.compile(r"\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}")
_FORMAT = "%a, %d %b %Y %H:%M:%S %z"
_WANDERING = timedelta(minutes=30)
"""Anchors further from the rest than this are misreadings: a case was recorded within minutes."""


def read_age(text: str) -> timedelta | None:
    """Read `2m1s`, `37d`; None for what is no age."""
    if not _AGE.fullmatch(text.strip()):
        return None
    return sum((int(number) * _UNIT[unit] for number, unit in _PART.findall(text)), timedelta())


def is_exact(text: str) -> bool:
    """Whether an age is given to the second."""
    return text.strip().endswith("s")


def read_date(text: str) -> datetime | None:
    """Read `Fri, 21 Nov 2025 20:22:47 +0800` as UTC; None for anything else."""
    match = _DATE.search(text)
    return datetime.strptime(match[0], _FORMAT).astimezone(UTC) if match else None


def zone_of(texts: Iterable[str]) -> tzinfo:
    """The zone in which dates are written; UTC when none is."""
    for text in texts:
        if match := _DATE.search(text):
            written = datetime.strptime(match[0], _FORMAT)  # noqa: DTZ007 - the zone is part of the format
            return written.tzinfo or UTC
    return UTC


def stamp(moment: datetime) -> str:
    """Write a time as Kubernetes does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Moments:
    """When each recorded command ran, by its place in the recording."""

    def __init__(self, anchors: Iterable[tuple[int, datetime]], *, collected: datetime) -> None:
        """`anchors` are commands whose moment is known; `collected` stands for all when there are none."""
        known = sorted((place, at) for place, at in anchors if abs(at - collected) < _WANDERING)
        self._places: Sequence[int] = [place for place, _ in known]
        self._times: Sequence[datetime] = [at for _, at in known]
        self.collected = collected

    @property
    def last(self) -> datetime:
        """The latest moment that is known."""
        return max((*self._times, self.collected))

    def of(self, place: int) -> datetime:
        """When the command at this place ran, between its neighbours."""
        if not self._places:
            return self.collected
        right = bisect_left(self._places, place)
        if right == len(self._places):
            return self._times[-1]
        if right == 0 or self._places[right] == place:
            return self._times[right]
        left = right - 1
        share = (place - self._places[left]) / (self._places[right] - self._places[left])
        return self._times[left] + share * (self._times[right] - self._times[left])
