"""Alerts as they were taken in: deliveries, alerts by (fingerprint, start), what could not be read, and heartbeats.

Intake is the one hot path, so its statements handle all alerts of a delivery at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.alert import Alert, AlertStatus, Delivery
from incidents.ids import Digest, EntityId, Fingerprint, IncidentId
from incidents.incident import JoinReason
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class DeliveryRow(Row, table=True):
    """One notification. A repeat has the same digest and is only counted."""

    __tablename__ = "delivery"

    id: int | None = columns.counted()
    digest: Digest = columns.text(unique=True)
    """Over receiver, group key and each alert's fingerprint, start and status."""
    group_key: str = columns.text()
    receiver: str = columns.text()
    group_labels: dict[str, str] = columns.document(dict[str, str])
    external_url: str = columns.text()
    truncated: int = columns.small()
    at: datetime = columns.moment(index=True)
    last_at: datetime = columns.moment()
    times: int = columns.number(default=1)


class RejectedAlertRow(Row, table=True):
    """An alert of a group that could not be read."""

    __tablename__ = "rejected_alert"
    __table_args__ = (UniqueConstraint("delivery_id", "position"),)

    id: int | None = columns.counted()
    delivery_id: int = columns.number(to="delivery.id")
    position: int = columns.small()
    problem: str = columns.text()
    raw: str = columns.text()
    at: datetime = columns.moment()


class AlertRow(Row, table=True):
    """One alert: the same labels that fire again later are another one."""

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("fingerprint", "starts_at"),
        Index("ix_alert_firing", "incident_id", postgresql_where=text("status = 'firing'")),
    )

    id: int | None = columns.counted()
    fingerprint: Fingerprint = columns.text()
    starts_at: datetime = columns.moment()
    status: AlertStatus = columns.word(AlertStatus)
    labels: dict[str, str] = columns.document(dict[str, str])
    annotations: dict[str, str] = columns.document(dict[str, str])
    ends_at: datetime | None = columns.moment(null=True)
    generator_url: str = columns.text()
    flags: tuple[str, ...] = columns.document(tuple[str, ...])
    entity: EntityId | None = columns.text(null=True, index=True)
    group_key: str = columns.text()
    incident_id: IncidentId | None = columns.text(null=True, index=True, to="incident.id")
    join_reason: JoinReason | None = columns.word(JoinReason, null=True)
    join_text: str = columns.text()
    first_seen: datetime = columns.moment()
    last_seen: datetime = columns.moment()
    changed_at: datetime = columns.moment()
    """When its status last changed here."""


class HeartbeatRow(Row, table=True):
    """The dead man's switch: alerts that always fire. Their absence, not their presence, says something."""

    __tablename__ = "heartbeat"

    name: str = columns.text(key=True)
    """`Watchdog` or `InfoInhibitor`."""
    cluster: str = columns.text(key=True)
    last_seen: datetime = columns.moment()
    status: AlertStatus = columns.word(AlertStatus)


class Known(Value):
    """What is known of an alert's labels: one row per start at which they fired."""

    fingerprint: Fingerprint
    starts_at: datetime
    status: AlertStatus
    incident: IncidentId | None
    changed_at: datetime


class Joined(Value):
    """An alert with the place it was given: what intake writes."""

    alert: Alert
    entity: EntityId | None
    incident: IncidentId | None
    reason: JoinReason | None
    because: str


class JoinedAlert(Value):
    """An alert of an incident with the reason why it is in it: what people are shown."""

    alert: Alert
    entity: EntityId | None
    reason: JoinReason | None
    because: str
    first_seen: datetime
    last_seen: datetime


class Heartbeat(Value):
    """When an always-firing alert was last seen."""

    name: str
    cluster: str
    last_seen: datetime
    status: AlertStatus


async def add_delivery(tx: Tx, delivery: Delivery, *, digest: Digest) -> tuple[int, bool]:
    """Count a delivery: its row's id, and whether it is the first of its kind."""
    values = {
        "digest": digest,
        "group_key": delivery.group_key,
        "receiver": delivery.receiver,
        "group_labels": delivery.group_labels,
        "external_url": delivery.external_url,
        "truncated": delivery.truncated,
        "at": delivery.at,
        "last_at": delivery.at,
    }
    statement = insert(DeliveryRow).values(**values)
    again = {"last_at": delivery.at, "times": DeliveryRow.metadata.tables["delivery"].c.times + 1}
    statement = statement.on_conflict_do_update(index_elements=["digest"], set_=again)
    row = (await tx.execute(statement.returning(col(DeliveryRow.id), col(DeliveryRow.times)))).one()
    return int(row.id), row.times == 1


async def add_rejected(tx: Tx, delivery_id: int, delivery: Delivery) -> None:
    """Keep what could not be read beside the good alerts."""
    rows = [
        {"delivery_id": delivery_id, "at": delivery.at, **columns.storable(rejected.model_dump())}
        for rejected in delivery.rejected
    ]
    if rows:
        await tx.execute(insert(RejectedAlertRow).on_conflict_do_nothing(), rows)


async def known_alerts(tx: Tx, alerts: Sequence[Alert], *, since: datetime) -> tuple[Known, ...]:
    """These alerts, and other starts of their label sets that were seen since then; newest first."""
    query = text(
        "SELECT fingerprint, starts_at, status, incident_id AS incident, changed_at FROM alert"
        " WHERE fingerprint = ANY(:prints) AND (starts_at = ANY(:starts) OR last_seen >= :since)"
        " ORDER BY starts_at DESC"
    )
    prints, starts = {alert.fingerprint for alert in alerts}, {alert.starts_at for alert in alerts}
    rows = await tx.execute(query, {"prints": sorted(prints), "starts": sorted(starts), "since": since})
    return tuple(Known.model_validate(dict(row)) for row in rows.mappings())


_TOUCH = text(
    """
    UPDATE alert SET last_seen = GREATEST(last_seen, :now)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS seen (fingerprint text, starts_at timestamptz)
    WHERE alert.fingerprint = seen.fingerprint AND alert.starts_at = seen.starts_at
    """
)


async def touch(tx: Tx, alerts: Sequence[Alert], *, now: datetime) -> None:
    """These alerts were seen again, unchanged."""
    if alerts:
        rows = [{"fingerprint": a.fingerprint, "starts_at": a.starts_at.isoformat()} for a in alerts]
        await tx.execute(_TOUCH, {"rows": columns.dumps(rows), "now": now})


_UPSERT = text(
    """
    INSERT INTO alert (fingerprint, starts_at, status, labels, annotations, ends_at, generator_url, flags, entity,
                       group_key, incident_id, join_reason, join_text, first_seen, last_seen, changed_at)
    SELECT fingerprint, starts_at, status, labels, annotations, ends_at, generator_url, flags, entity,
           :group_key, incident_id, join_reason, join_text, :now, :now, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (
        fingerprint text, starts_at timestamptz, status text, labels jsonb, annotations jsonb, ends_at timestamptz,
        generator_url text, flags jsonb, entity text, incident_id text, join_reason text, join_text text)
    ORDER BY fingerprint, starts_at
    ON CONFLICT (fingerprint, starts_at) DO UPDATE SET
        status = excluded.status, annotations = excluded.annotations, ends_at = excluded.ends_at,
        flags = excluded.flags,
        incident_id = COALESCE(excluded.incident_id, alert.incident_id),
        join_reason = COALESCE(alert.join_reason, excluded.join_reason),
        join_text = CASE WHEN alert.join_text = '' THEN excluded.join_text ELSE alert.join_text END,
        last_seen = excluded.last_seen, changed_at = excluded.changed_at
    """
)


async def write_alerts(tx: Tx, joined: Sequence[Joined], *, group_key: str, now: datetime) -> None:
    """Insert new alerts and change those whose status changed, each with the incident it belongs to."""
    if joined:
        rows = [_values(item) for item in joined]
        await tx.execute(_UPSERT, {"rows": columns.dumps(rows), "group_key": group_key, "now": now})


async def firing_count(tx: Tx, incidents: Sequence[IncidentId]) -> Mapping[IncidentId, int]:
    """How many alerts of each incident still fire; incidents without any are 0."""
    query = text(
        "SELECT incident_id, count(*) FROM alert"
        " WHERE incident_id = ANY(:wanted) AND status = 'firing' GROUP BY incident_id"
    )
    counts = {row[0]: row[1] for row in await tx.execute(query, {"wanted": list(incidents)})}
    return {incident: counts.get(incident, 0) for incident in incidents}


async def alerts_of(tx: Tx, incident: IncidentId) -> tuple[Alert, ...]:
    """The incident's alerts, earliest start first."""
    return tuple(joined.alert for joined in await joined_alerts_of(tx, incident))


async def joined_alerts_of(tx: Tx, incident: IncidentId) -> tuple[JoinedAlert, ...]:
    """The incident's alerts with why each is in it, earliest start first."""
    rows = await tx.scalars(
        select(AlertRow)
        .where(col(AlertRow.incident_id) == incident)
        .order_by(col(AlertRow.starts_at), col(AlertRow.fingerprint))
    )
    return tuple(_joined(row) for row in rows)


async def beat(tx: Tx, *, name: str, cluster: str, status: AlertStatus, now: datetime) -> None:
    """An always-firing alert was seen."""
    values = {"last_seen": now, "status": status}
    statement = insert(HeartbeatRow).values(name=name, cluster=cluster, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["name", "cluster"], set_=values))


async def heartbeats(tx: Tx) -> tuple[Heartbeat, ...]:
    """When each always-firing alert was last seen."""
    rows = await tx.scalars(select(HeartbeatRow).order_by(col(HeartbeatRow.cluster), col(HeartbeatRow.name)))
    return tuple(Heartbeat(name=r.name, cluster=r.cluster, last_seen=r.last_seen, status=r.status) for r in rows)


def _values(item: Joined) -> dict[str, Any]:
    alert = item.alert
    return {
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at.isoformat(),
        "status": alert.status.value,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "ends_at": alert.ends_at.isoformat() if alert.ends_at else None,
        "generator_url": alert.generator_url,
        "flags": list(alert.flags),
        "entity": item.entity,
        "incident_id": item.incident,
        "join_reason": item.reason.value if item.reason else None,
        "join_text": item.because,
    }


def _joined(row: AlertRow) -> JoinedAlert:
    alert = Alert(
        fingerprint=row.fingerprint,
        status=row.status,
        labels=row.labels,
        annotations=row.annotations,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        generator_url=row.generator_url,
        flags=tuple(row.flags),
    )
    return JoinedAlert(
        alert=alert,
        entity=row.entity,
        reason=row.join_reason,
        because=row.join_text,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
    )
