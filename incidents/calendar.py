"""Windows of time with names: freezes and maintenance. Explicit from and to, or every week in a time zone."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, field_validator, model_validator

from incidents.value import Value

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_POINT = re.compile(r"(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):([0-5]\d)", re.IGNORECASE)
_DAY_MINUTES = 24 * 60


class Weekly(Value):
    """From one point of the week to another, over its end if need be: `fri 17:00` to `mon 08:00`."""

    start: str
    end: str

    @field_validator("start", "end")
    @classmethod
    def _is_a_point(cls, text: str) -> str:
        if not _POINT.fullmatch(text):
            message = f"write a day and a time of 24 hours, for example `fri 17:00`, not {text!r}"
            raise ValueError(message)
        return text.lower()

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.start == self.end:
            message = f"it begins and ends at {self.start}: give it a length"
            raise ValueError(message)
        return self

    def open_at(self, local: datetime) -> bool:
        """Whether a local time lies in it; the end itself does not."""
        minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
        start, end = _minute(self.start), _minute(self.end)
        return start <= minute < end if start < end else minute >= start or minute < end


class Window(Value):
    """One named window: either explicit times, or weekly ones."""

    name: str
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    weekly: tuple[Weekly, ...] = ()
    timezone: ZoneInfo = ZoneInfo("UTC")
    """Of the weekly times: summer and winter are as the wall clocks there."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        explicit = self.start is not None and self.end is not None
        if explicit == bool(self.weekly) or (self.start is None) != (self.end is None):
            message = "give it either start and end, or weekly times with a timezone"
            raise ValueError(message)
        if self.start is not None and self.end is not None and self.end <= self.start:
            message = f"it ends at {self.end} before it starts"
            raise ValueError(message)
        return self

    def open_at(self, now: datetime) -> bool:
        """Whether it is open."""
        if self.start is not None and self.end is not None:
            return self.start <= now < self.end
        local = now.astimezone(self.timezone)
        return any(span.open_at(local) for span in self.weekly)

    @property
    def text(self) -> str:
        """When it is open, for people."""
        if self.start is not None and self.end is not None:
            return f"{self.start:%Y-%m-%d %H:%M %Z} to {self.end:%Y-%m-%d %H:%M %Z}"
        spans = ", ".join(f"{span.start} to {span.end}" for span in self.weekly)
        return f"every week {spans} ({self.timezone.key})"


def open_windows(windows: Iterable[Window], *, now: datetime) -> tuple[str, ...]:
    """The names of the windows that are open, in their order."""
    return tuple(window.name for window in windows if window.open_at(now))


def _minute(point: str) -> int:
    day, time = point.split(" ")
    hours, minutes = time.split(":")
    return DAYS.index(day) * _DAY_MINUTES + int(hours) * 60 + int(minutes)
