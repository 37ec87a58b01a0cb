"""What each receiver was last told about each group, and whether it should hear of it again. Pure.

Source of the rule: notify/notify.go, DedupStage.needsUpdate.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Told:
    """The last successful notification of a receiver about a group: when, and which fingerprints stood how."""

    at: datetime
    firing: AbstractSet[str]
    resolved: AbstractSet[str]


def why_notify(
    told: Told | None,
    *,
    firing: AbstractSet[str],
    resolved: AbstractSet[str],
    send_resolved: bool,
    repeat_interval: timedelta,
    now: datetime,
) -> str:
    """Return the reason to notify now, or "" when there is none."""
    if told is None:
        return "first notification" if firing else ""
    if not firing <= told.firing:
        return "new alerts joined"
    if not firing:
        return "everything resolved" if told.firing else ""
    if send_resolved and not resolved <= told.resolved:
        return "some alerts resolved"
    return "repeat interval passed" if told.at < now - repeat_interval else ""
