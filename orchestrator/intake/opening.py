"""What an incident is when it opens: its id, title, start and entities, from the alerts that open it. Pure."""

from collections.abc import Sequence
from datetime import datetime

from incidents.alert import Alert
from incidents.canonical import digest_of, short
from incidents.correlation import Arriving
from incidents.entity import Entity
from incidents.ids import EntityId, IncidentId
from orchestrator.intake.payload import OLDEST_YEAR

TITLE_LENGTH = 160
"""Characters of a title: one line on a phone and in a list."""
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def incident_id(alert: Alert, *, opened_at: datetime) -> IncidentId:
    """`inc-` and 12 base32 characters: the same alert taken in at the same time opens the same incident (replay)."""
    digest = digest_of([alert.fingerprint, alert.starts_at.isoformat(), opened_at.isoformat()])
    number = int(short(digest), 16)
    return IncidentId("inc-" + "".join(BASE32[(number >> (5 * place)) & 31] for place in range(12)))


def entities_of(arriving: Sequence[Arriving]) -> tuple[EntityId, ...]:
    """What the alerts point at, in their order, each once."""
    return tuple(dict.fromkeys(a.entity for a in arriving if a.entity is not None))


def start_of(alerts: Sequence[Alert], *, now: datetime) -> datetime:
    """When the first of them started, as far as their clocks can be believed."""
    starts = [alert.starts_at for alert in alerts if alert.starts_at.year >= OLDEST_YEAR]
    return min([*starts, now])


def title_of(alert: Alert, *, entity: EntityId | None = None) -> str:
    """Its summary on one line; an alert that brings nothing but its name is told with what it is about."""
    text = " ".join(alert.summary.split())
    if text == alert.name and entity is not None:
        text = f"{text}: {Entity.parse(entity).label}"
    return text if len(text) <= TITLE_LENGTH else text[: TITLE_LENGTH - 3] + "..."
