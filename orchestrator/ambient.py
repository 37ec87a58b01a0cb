"""The watcher's rounds: what nobody alerts about becomes a low-severity alert and goes through the same door as others.

The same concern is the same alert for as long as it lasts, so that it opens one incident; at most a few are opened in
one round, the most pressing first. A concern that is gone resolves its alert.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agents.ambient import Concern, concerns_of, facts_of, look_around
from incidents.canonical import digest_of, short
from incidents.entity import Entity
from incidents.finding import AgentName
from incidents.value import Value
from orchestrator.context import Workbench
from orchestrator.desk import LiveDesk
from orchestrator.intake.take_in import Receipt, take_in
from orchestrator.store.transaction import Tx

logger = logging.getLogger(__name__)

SOURCE = "midwatch"
"""Label `source` of alerts that nobody outside sent."""
QUIET = timedelta(days=7)
"""A concern that people were told of is not opened again for that long, when it resolved or was closed meanwhile."""
HURRY_SECONDS = 60.0
"""Between two rounds while a change for such a concern is verified: only a round can say that it is over."""
PROBES = 400
SECONDS = 120.0
NOT_ENDED = "0001-01-01T00:00:00Z"


class Told(Value):
    """An alert of an earlier round."""

    fingerprint: str
    starts_at: datetime
    firing: bool
    labels: dict[str, str]


async def go_round(bench: Workbench, *, now: datetime) -> tuple[Receipt, ...]:
    """Look at every cluster once, and hand in what is new, what lasts and what is over."""
    return tuple([await _go_round(bench, name, now=now) for name in bench.clusters])


async def go_round_forever(bench: Workbench) -> None:
    """Every `ambient.every_seconds` of the clock's time, until cancelled."""
    while True:
        try:
            await go_round(bench, now=bench.clock.now())
        except (DBAPIError, OSError):
            logger.exception("The ambient round could not be handed in", extra={"action": "ambient_failed"})
        often = HURRY_SECONDS if await _is_awaited(bench) else bench.settings.ambient.every_seconds
        await bench.clock.sleep(min(often, bench.settings.ambient.every_seconds))


async def _go_round(bench: Workbench, name: str, *, now: datetime) -> Receipt:
    desk = LiveDesk(
        cluster=bench.cluster(name), clock=bench.clock, agent=AgentName.SUPERVISOR, probes=PROBES, seconds=SECONDS
    )
    sightings = await look_around(desk, now=now)
    found = concerns_of(await asyncio.to_thread(facts_of, sightings, cluster=name, now=now), bench.library)
    async with bench.store.transaction() as tx:
        told = await _told(tx, cluster=name, since=now - QUIET)
    # Who could not look everywhere cannot say that something is over.
    over = () if desk.gaps else _over(found, told)
    alerts = [*_standing(found, told, most=bench.settings.ambient.most_incidents, cluster=name, now=now), *over]
    if not alerts:
        return Receipt(received=0)
    body = {
        "version": "4",
        "groupKey": f"{SOURCE}:{name}",
        "status": "firing",
        "receiver": SOURCE,
        "groupLabels": {},
        "alerts": alerts,
    }
    return await take_in(bench.store, body, settings=bench.settings, now=now)


def _standing(
    found: Sequence[Concern], told: Mapping[str, Told], *, most: int, cluster: str, now: datetime
) -> list[dict[str, object]]:
    """Alerts of concerns: those that were told before and last, and at most `most` new ones."""
    alerts: list[dict[str, object]] = []
    for concern in found:
        known = told.get(fingerprint_of(concern))
        if known is not None and known.firing:
            alerts.append(_alert(concern, cluster=cluster, starts_at=known.starts_at))
        elif known is None and most > 0:
            alerts.append(_alert(concern, cluster=cluster, starts_at=now))
            most -= 1
    return alerts


def _over(found: Iterable[Concern], told: Mapping[str, Told]) -> list[dict[str, object]]:
    standing = {fingerprint_of(concern) for concern in found}
    return [
        {
            "status": "resolved",
            "labels": known.labels,
            "startsAt": known.starts_at.isoformat(),
            "endsAt": known.starts_at.isoformat(),
            "fingerprint": known.fingerprint,
        }
        for known in told.values()
        if known.firing and known.fingerprint not in standing
    ]


def fingerprint_of(concern: Concern) -> str:
    """The same concern about the same entity is the same alert, whatever its figures are today."""
    return short(digest_of([SOURCE, concern.alertname, concern.entity]), length=16)


def _alert(concern: Concern, *, cluster: str, starts_at: datetime) -> dict[str, object]:
    entity = Entity.parse(concern.entity)
    labels = {"alertname": concern.alertname, "severity": "info", "source": SOURCE, "cluster": cluster}
    labels |= {entity.kind.value: entity.name} | ({"namespace": entity.namespace} if entity.namespace else {})
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": concern.summary},
        "startsAt": starts_at.isoformat(),
        "endsAt": NOT_ENDED,
        "fingerprint": fingerprint_of(concern),
    }


_TOLD = text(
    """
    SELECT DISTINCT ON (fingerprint) fingerprint, starts_at, status = 'firing' AS firing, labels FROM alert
    WHERE labels ->> 'source' = :source AND labels ->> 'cluster' = :cluster AND last_seen >= :since
    ORDER BY fingerprint, starts_at DESC
    """
)


_AWAITED = text(
    """
    SELECT EXISTS (SELECT 1 FROM alert JOIN incident ON incident.id = alert.incident_id
                   WHERE incident.phase = 'verifying' AND alert.labels ->> 'source' = :source)
    """
)


async def _is_awaited(bench: Workbench) -> bool:
    async with bench.store.transaction() as tx:
        return bool((await tx.execute(_AWAITED, {"source": SOURCE})).scalar_one())


async def _told(tx: Tx, *, cluster: str, since: datetime) -> dict[str, Told]:
    rows = await tx.execute(_TOLD, {"source": SOURCE, "cluster": cluster, "since": since})
    return {row["fingerprint"]: Told.model_validate(dict(row)) for row in rows.mappings()}
