"""Alertmanager without its servers: alerts come in, groups are flushed when they are due, notifications come out.

Nothing here waits, sends or reads a clock. `step(now)` says what to send; whoever sends it reports back with
`delivered` or `failed`, and only then does the journal know. An undelivered notification is due again at the group's
next flush.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from worlds.alertmanager.alert import Alert, PostedAlert, fingerprint
from worlds.alertmanager.config import AlertmanagerConfig, Receiver, WebhookConfig
from worlds.alertmanager.inhibition import inhibiting
from worlds.alertmanager.journal import Told, why_notify
from worlds.alertmanager.routing import Destination, destinations
from worlds.alertmanager.silence import SilenceBook
from worlds.alertmanager.webhook import GroupState, Json, webhook_body

DEFAULT_EXTERNAL_URL = "http://alertmanager.monitoring.svc:9093"


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One webhook call that is due, with the reason why. Hand it back to `delivered` or `failed`."""

    receiver: str
    webhook: WebhookConfig
    body: Json
    because: str
    group_key: str
    integration: str
    alerts: tuple[Alert, ...]
    at: datetime


@dataclass(kw_only=True)
class Group:
    """Alerts that are sent together. `sending` counts notifications that nobody reported back on yet."""

    destination: Destination
    key: str
    labels: dict[str, str]
    alerts: dict[str, Alert]
    flush_at: datetime
    flushed: bool = False
    sending: int = 0


class Alertmanager:
    """The state of one Alertmanager, in virtual time."""

    def __init__(
        self,
        config: AlertmanagerConfig,
        *,
        external_url: str = DEFAULT_EXTERNAL_URL,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self.config = config
        self.external_url = external_url
        self.silences = SilenceBook(new_id=new_id)
        self.alerts: dict[str, Alert] = {}
        self._groups: dict[tuple[str, str], Group] = {}
        self._told: dict[tuple[str, str], Told] = {}

    def receive(self, posted: Iterable[PostedAlert], *, now: datetime) -> None:
        """Take alerts in, as POST /api/v2/alerts does."""
        for one in posted:
            alert = _taken_in(one, self.alerts.get(fingerprint(one.labels)), now)
            self.alerts[alert.fingerprint] = alert
            for destination in destinations(alert.labels, self.config.route):
                self._join(destination, alert, now)

    def groups(self) -> Sequence[Group]:
        """Return the groups that hold alerts."""
        return list(self._groups.values())

    def next_flush(self) -> datetime | None:
        """Return when a group is due next; None when there is none that could be."""
        return min((group.flush_at for group in self._groups.values() if not group.sending), default=None)

    def step(self, now: datetime) -> list[Notification]:
        """Flush the groups that are due up to `now`, each once, in order; return what is to be sent."""
        due = sorted(
            (group for group in self._groups.values() if group.flush_at <= now and not group.sending),
            key=lambda group: (group.flush_at, group.key),
        )
        return [notification for group in due for notification in self._flush(group, now)]

    def delivered(self, notification: Notification) -> None:
        """Note that a notification arrived: it is not repeated before time, and its resolved alerts are forgotten."""
        now = notification.at
        self._told[notification.integration, notification.group_key] = Told(
            at=now,
            firing={one.fingerprint for one in notification.alerts if not one.resolved_at(now)},
            resolved={one.fingerprint for one in notification.alerts if one.resolved_at(now)},
        )
        if (group := self._reported(notification)) is not None:
            self._forget_resolved(group, now)

    def failed(self, notification: Notification) -> None:
        """Note that a notification did not arrive: the group's next flush tries again."""
        self._reported(notification)

    def silenced_by(self, alert: Alert, *, now: datetime) -> list[str]:
        """Return the ids of the silences that mute the alert."""
        return self.silences.muting(alert.labels, now=now)

    def inhibited_by(self, alert: Alert, *, now: datetime) -> list[str]:
        """Return the fingerprints of the alerts that mute the alert."""
        return inhibiting(alert.labels, self.alerts.values(), self.config.inhibit_rules, now=now)

    def _join(self, destination: Destination, alert: Alert, now: datetime) -> None:
        key = destination.group_key(alert.labels)
        group = self._groups.get((destination.receiver, key))
        if group is None:
            if alert.resolved_at(now):
                return
            labels = destination.group_labels(alert.labels)
            group = Group(
                destination=destination, key=key, labels=labels, alerts={}, flush_at=now + destination.group_wait
            )
            self._groups[destination.receiver, key] = group
        group.alerts[alert.fingerprint] = alert
        if not group.flushed and alert.starts_at + destination.group_wait < now:
            group.flush_at = now

    def _flush(self, group: Group, now: datetime) -> list[Notification]:
        group.flushed = True
        while group.flush_at <= now:
            group.flush_at += group.destination.group_interval
        alerts = tuple(sorted(group.alerts.values(), key=_sending_order))
        audible = tuple(one for one in alerts if not self._muted(one, now))
        notifications = self._notifications(group, audible, now) if audible else []
        group.sending = len(notifications)
        if not notifications:
            self._forget_resolved(group, now)
        return notifications

    def _notifications(self, group: Group, alerts: tuple[Alert, ...], now: datetime) -> list[Notification]:
        state = GroupState(
            key=group.key, receiver=group.destination.receiver, labels=group.labels, alerts=alerts, now=now
        )
        firing = {one.fingerprint for one in alerts if not one.resolved_at(now)}
        resolved = {one.fingerprint for one in alerts} - firing
        found: list[Notification] = []
        for index, webhook in enumerate(self._receiver(group.destination.receiver).webhook_configs):
            integration = f"{group.destination.receiver}/webhook[{index}]"
            because = why_notify(
                self._told.get((integration, group.key)),
                firing=firing,
                resolved=resolved,
                send_resolved=webhook.send_resolved,
                repeat_interval=group.destination.repeat_interval,
                now=now,
            )
            if because and not firing and not webhook.send_resolved:
                self._told[integration, group.key] = Told(at=now, firing=firing, resolved=resolved)
            elif because:
                found.append(
                    Notification(
                        receiver=state.receiver,
                        webhook=webhook,
                        body=webhook_body(state, webhook, external_url=self.external_url),
                        because=because,
                        group_key=group.key,
                        integration=integration,
                        alerts=alerts,
                        at=now,
                    )
                )
        return found

    def _muted(self, alert: Alert, now: datetime) -> bool:
        return bool(self.inhibited_by(alert, now=now) or self.silenced_by(alert, now=now))

    def _receiver(self, name: str) -> Receiver:
        return next(one for one in self.config.receivers if one.name == name)

    def _reported(self, notification: Notification) -> Group | None:
        group = self._groups.get((notification.receiver, notification.group_key))
        if group is not None:
            group.sending = max(0, group.sending - 1)
        return group

    def _forget_resolved(self, group: Group, now: datetime) -> None:
        """Drop what was resolved when the group was flushed; a group that is empty then goes as well."""
        if group.sending:
            return
        group.alerts = {
            key: one for key, one in group.alerts.items() if not one.resolved_at(now) or one.updated_at > now
        }
        if not group.alerts:
            self._groups.pop((group.destination.receiver, group.key), None)


def _taken_in(posted: PostedAlert, known: Alert | None, now: datetime) -> Alert:
    alert = Alert(
        labels=posted.labels,
        annotations=posted.annotations,
        starts_at=posted.starts_at,
        ends_at=posted.ends_at,
        updated_at=now,
        generator_url=posted.generator_url,
        fingerprint=fingerprint(posted.labels),
    )
    if known is None:
        return alert
    overlaps = known.starts_at < alert.ends_at < known.ends_at or known.starts_at < alert.starts_at < known.ends_at
    return replace(alert, starts_at=min(alert.starts_at, known.starts_at)) if overlaps else alert


def _sending_order(alert: Alert) -> tuple[object, ...]:
    """Order alerts as Alertmanager does: by job and instance, those without last, then by their labels."""
    leading = tuple((name not in alert.labels, alert.labels.get(name, "")) for name in ("job", "instance"))
    return (*leading, len(alert.labels), sorted(alert.labels), [alert.labels[name] for name in sorted(alert.labels)])
