"""An alert as one rule keeps it between evaluations (rules/alerting.go), and how it moves on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

# How long a resolved alert is remembered and sent again, in case Alertmanager missed it.
RESOLVED_RETENTION = timedelta(minutes=15)
# How often an unchanged alert is sent to Alertmanager (--rules.alert.resend-delay).
RESEND_DELAY = timedelta(minutes=1)
# An alert that is not sent again for this many intervals ends by itself.
_VALID_INTERVALS = 4


class AlertState(StrEnum):
    """Where an alert stands."""

    INACTIVE = "inactive"
    """Resolved, kept for a while."""
    PENDING = "pending"
    """Its condition holds, but not yet for as long as the rule's `for`."""
    FIRING = "firing"
    """It is sent to Alertmanager."""


@dataclass(frozen=True, kw_only=True)
class AlertInstance:
    """One alert of a rule. `labels` include alertname and the rule's labels."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float
    state: AlertState
    active_at: datetime
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    last_sent_at: datetime | None = None
    keep_firing_since: datetime | None = None

    def seen(self, *, annotations: Mapping[str, str], value: float) -> "AlertInstance":
        """Return the alert with what the newest evaluation says of it."""
        return replace(self, annotations=annotations, value=value, keep_firing_since=None)

    def held(self, *, hold: timedelta, now: datetime) -> "AlertInstance":
        """Return the alert firing when it was pending long enough."""
        if self.state is AlertState.PENDING and now - self.active_at >= hold:
            return replace(self, state=AlertState.FIRING, fired_at=now)
        return self

    def missed(self, *, keep_firing_for: timedelta, now: datetime) -> "AlertInstance | None":
        """Return what becomes of the alert when its condition no longer holds; None when it is forgotten."""
        if self.state is AlertState.FIRING and keep_firing_for > timedelta(0):
            since = self.keep_firing_since or now
            if now - since < keep_firing_for:
                return replace(self, keep_firing_since=since)
        if self.state is AlertState.PENDING:
            return None
        if self.resolved_at is not None:
            return self if now - self.resolved_at <= RESOLVED_RETENTION else None
        return replace(self, state=AlertState.INACTIVE, resolved_at=now)

    def needs_sending(self, now: datetime) -> bool:
        """Say whether Alertmanager should hear of the alert now."""
        if self.state is AlertState.PENDING:
            return False
        if self.last_sent_at is None:
            return True
        if self.resolved_at is not None and self.resolved_at > self.last_sent_at:
            return True
        return self.last_sent_at + RESEND_DELAY < now

    def valid_until(self, *, interval: timedelta, now: datetime) -> datetime:
        """Return when Alertmanager takes the alert for resolved unless it hears of it again."""
        return now + _VALID_INTERVALS * max(interval, RESEND_DELAY)
