"""Takes a delivery in: alerts, incident and the job that works on it are committed together before anybody answers 2xx.

A repeat changes nothing but when it was last seen. New alerts of one cluster are placed one delivery after the other
(an advisory lock), so that two processes that get the same new group open one incident.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from incidents.alert import Alert, AlertStatus, Delivery
from incidents.canonical import digest_of
from incidents.correlation import GROUP_WINDOW, HEARTBEATS, Arrival, Arriving, Seen, arrival_of
from incidents.ids import Fingerprint, IncidentId
from incidents.pointing import cluster_of, entity_of
from incidents.value import Value
from orchestrator.intake.errors import TooLarge
from orchestrator.intake.payload import parse
from orchestrator.intake.placing import Placing
from orchestrator.settings import Settings
from orchestrator.store.alerts import Known, add_delivery, add_rejected, beat, known_alerts, touch
from orchestrator.store.database import Store
from orchestrator.store.transaction import Tx

PLACE_LOCK = 0x6D_69_64_77
"""First half of the advisory locks under which alerts of a cluster are placed: `midw`."""


class Receipt(Value):
    """What became of a delivery: what the webhook answers with."""

    received: int
    new: int = 0
    resolved: int = 0
    repeated: int = 0
    rejected: int = 0
    heartbeats: int = 0
    opened: tuple[IncidentId, ...] = ()
    changed: tuple[IncidentId, ...] = ()
    """Incidents that alerts joined, left, or fired again in."""


async def take_in(
    store: Store, body: bytes | Mapping[str, Any] | Sequence[Any], *, settings: Settings, now: datetime
) -> Receipt:
    """Take a body in. When this returns, its alerts are committed.

    Raises Malformed or TooLarge; nothing is stored then.
    """
    delivery = _parsed(body, settings=settings, now=now)
    arriving = [_arriving(alert, delivery, settings=settings) for alert in delivery.alerts]
    beating = [a for a in arriving if a.alert.name in HEARTBEATS]
    others = [a for a in arriving if a.alert.name not in HEARTBEATS]
    async with store.transaction() as tx:
        for heartbeat in beating:
            alert = heartbeat.alert
            await beat(tx, name=alert.name, cluster=heartbeat.cluster, status=alert.status, now=now)
        receipt = Receipt(received=len(arriving), heartbeats=len(beating), rejected=len(delivery.rejected))
        if not others and not delivery.rejected:
            return receipt
        delivery_id, first = await add_delivery(tx, delivery, digest=_digest(delivery))
        if first:
            await add_rejected(tx, delivery_id, delivery)
        return await _take(tx, others, receipt, delivery=delivery, settings=settings)


async def _take(
    tx: Tx, arriving: Sequence[Arriving], receipt: Receipt, *, delivery: Delivery, settings: Settings
) -> Receipt:
    """Place what is new. The first look is without a lock: most deliveries are repeats."""
    sorted_out = await _sort_out(tx, arriving, now=delivery.at)
    if sorted_out.says_something:
        await _lock(tx, sorted({a.cluster for a in arriving}))
        sorted_out = await _sort_out(tx, arriving, now=delivery.at)
    await touch(tx, [a.alert for a in sorted_out.repeats], now=delivery.at)
    placing = Placing(tx, settings=settings, group_key=delivery.group_key, now=delivery.at)
    await placing.place(sorted_out.new, sorted_out.changed, known=sorted_out.known)
    return receipt.model_copy(
        update={
            "new": len(sorted_out.new),
            "resolved": sum(1 for a in sorted_out.changed if a.alert.status is AlertStatus.RESOLVED),
            "repeated": len(sorted_out.repeats),
            "opened": placing.opened,
            "changed": placing.changed,
        }
    )


class _SortedOut(Value):
    """Alerts by what they are, and what is known of their label sets."""

    new: tuple[Arriving, ...]
    changed: tuple[Arriving, ...]
    repeats: tuple[Arriving, ...]
    known: tuple[Known, ...]

    @property
    def says_something(self) -> bool:
        """Whether anything is to be placed or changed."""
        return bool(self.new or self.changed)


async def _sort_out(tx: Tx, arriving: Sequence[Arriving], *, now: datetime) -> _SortedOut:
    known = await known_alerts(tx, [a.alert for a in arriving], since=now - GROUP_WINDOW)
    seen = {(k.fingerprint, k.starts_at): Seen(status=k.status, changed_at=k.changed_at) for k in known}
    kinds = [(a, arrival_of(a.alert, seen=seen.get(_identity(a.alert)), now=now)) for a in arriving]
    return _SortedOut(
        new=tuple(a for a, kind in kinds if kind is Arrival.NEW),
        changed=tuple(a for a, kind in kinds if kind in (Arrival.RESOLVES, Arrival.FIRES_AGAIN)),
        repeats=tuple(a for a, kind in kinds if kind in (Arrival.REPEAT, Arrival.LATE)),
        known=known,
    )


async def _lock(tx: Tx, clusters: Sequence[str]) -> None:
    for cluster in clusters:
        await tx.execute(text("SELECT pg_advisory_xact_lock(:a, hashtext(:b))"), {"a": PLACE_LOCK, "b": cluster})


def _parsed(body: bytes | Mapping[str, Any] | Sequence[Any], *, settings: Settings, now: datetime) -> Delivery:
    if isinstance(body, bytes) and len(body) > settings.webhook.max_bytes:
        raise TooLarge(f"the body has {len(body)} bytes; at most {settings.webhook.max_bytes} are taken in at once")
    delivery = parse(body, now=now)
    if len(delivery.alerts) > settings.webhook.max_alerts:
        raise TooLarge(f"{len(delivery.alerts)} alerts at once; at most {settings.webhook.max_alerts}: set max_alerts")
    return delivery


def _arriving(alert: Alert, delivery: Delivery, *, settings: Settings) -> Arriving:
    names = [connections.name for connections in settings.clusters]
    cluster = cluster_of(alert.labels, names=names, labels_of_cluster=settings.cluster_labels)
    return Arriving(
        alert=alert,
        cluster=cluster,
        entity=entity_of(alert.labels, cluster=cluster),
        group_key=delivery.group_key,
        group_labels=delivery.group_labels,
    )


def _identity(alert: Alert) -> tuple[Fingerprint, datetime]:
    return alert.fingerprint, alert.starts_at


def _digest(delivery: Delivery) -> Any:
    alerts = sorted([a.fingerprint, a.starts_at.isoformat(), a.status.value] for a in delivery.alerts)
    rejected = sorted(bad.raw for bad in delivery.rejected)
    return digest_of([delivery.receiver, delivery.group_key, delivery.truncated, alerts, rejected])
