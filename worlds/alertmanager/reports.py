"""Alerts that others than Prometheus post: at their time, again every minute, until they are over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worlds.alertmanager.alert import ALERT_NAME, PostedAlert

_EVERY = timedelta(minutes=1)
# An alert that nobody posts again is over after this: Alertmanager's resolve_timeout is as long.
_LASTS = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Posting:
    """One alert and when it holds."""

    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts: datetime
    ends: datetime | None
    stays: bool


class Reporters:
    """Everybody who posts alerts. `standing` says whether what they report about is still so."""

    def __init__(
        self, postings: Sequence[Posting], *, start: datetime, standing: Callable[[], bool], external: dict[str, str]
    ) -> None:
        self._postings = postings
        self._standing = standing
        self._external = external
        self._next = start

    def next_due(self) -> datetime | None:
        """Return when somebody posts next; None when nobody ever does."""
        return self._next if self._postings else None

    def step(self, now: datetime) -> list[PostedAlert]:
        """Return what is posted up to `now`."""
        posted: list[PostedAlert] = []
        while self._postings and self._next <= now:
            posted += [self._posted(one, self._next) for one in self._postings if one.starts <= self._next]
            self._next += _EVERY
        return posted

    def _posted(self, one: Posting, at: datetime) -> PostedAlert:
        over = (one.ends is not None and at >= one.ends) or not (one.stays or self._standing())
        return PostedAlert(
            labels={ALERT_NAME: one.name, **self._external, **one.labels},
            annotations=one.annotations,
            starts_at=one.starts,
            ends_at=at if over else at + _LASTS,
            generator_url="",
        )
