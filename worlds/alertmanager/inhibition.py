"""Inhibition: a firing alert mutes lesser ones about the same thing. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from worlds.alertmanager.alert import Alert
from worlds.alertmanager.config import InhibitRule
from worlds.promql.storage import matches_all


def inhibiting(
    labels: Mapping[str, str], alerts: Iterable[Alert], rules: Sequence[InhibitRule], *, now: datetime
) -> list[str]:
    """Return the fingerprints of the firing alerts that mute an alert with these labels, at most one per rule."""
    firing = [alert for alert in alerts if not alert.resolved_at(now)]
    found: list[str] = []
    for rule in rules:
        if matches_all(rule.target_matchers, labels):
            sources = (alert for alert in firing if _is_source(alert, labels, rule))
            found += [alert.fingerprint for alert in sources][:1]
    return sorted(set(found))


def _is_source(alert: Alert, labels: Mapping[str, str], rule: InhibitRule) -> bool:
    """An alert that is source and target of a rule does not mute others that are both, nor itself."""
    both_sides = matches_all(rule.source_matchers, labels) and matches_all(rule.target_matchers, alert.labels)
    same = all(alert.labels.get(name, "") == labels.get(name, "") for name in rule.equal)
    return matches_all(rule.source_matchers, alert.labels) and same and not both_sides
