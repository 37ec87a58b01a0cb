"""The body that Alertmanager posts to webhooks, version 4 of the format (notify/webhook/webhook.go)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from worlds.alertmanager.alert import Alert
from worlds.alertmanager.config import WebhookConfig
from worlds.prometheus.moments import write_time

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
STILL_FIRING = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class GroupState:
    """The alerts of one group at the moment it is sent."""

    key: str
    receiver: str
    labels: Mapping[str, str]
    alerts: Sequence[Alert]
    now: datetime


def webhook_body(group: GroupState, webhook: WebhookConfig, *, external_url: str) -> Json:
    """Return the body for a group: resolved ones left out if the webhook wants so, cut to its `max_alerts`."""
    wanted = [one for one in group.alerts if webhook.send_resolved or not one.resolved_at(group.now)]
    kept = wanted[: webhook.max_alerts] if webhook.max_alerts > 0 else wanted
    firing = any(not one.resolved_at(group.now) for one in kept)
    return {
        "receiver": group.receiver,
        "status": "firing" if firing else "resolved",
        "alerts": [_alert(one, group.now) for one in kept],
        "groupLabels": dict(group.labels),
        "commonLabels": _common([one.labels for one in kept]),
        "commonAnnotations": _common([one.annotations for one in kept]),
        "externalURL": external_url,
        "version": "4",
        "groupKey": group.key,
        "truncatedAlerts": len(wanted) - len(kept),
    }


def _alert(one: Alert, now: datetime) -> Json:
    resolved = one.resolved_at(now)
    return {
        "status": "resolved" if resolved else "firing",
        "labels": dict(sorted(one.labels.items())),
        "annotations": dict(sorted(one.annotations.items())),
        "startsAt": write_time(one.starts_at),
        "endsAt": write_time(one.ends_at) if resolved else STILL_FIRING,
        "generatorURL": one.generator_url,
        "fingerprint": one.fingerprint,
    }


def _common(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not mappings:
        return {}
    first, *others = mappings
    return {name: value for name, value in sorted(first.items()) if all(one.get(name) == value for one in others)}
