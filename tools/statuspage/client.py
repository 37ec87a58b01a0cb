"""Talks to a provider's status page that serves Statuspage's public API, version 2: incidents and their updates."""

from datetime import UTC, datetime

from incidents.redaction import redact
from incidents.value import Value
from tools.estate import Endpoint
from tools.http import HttpClient
from tools.wire import Wire

SYSTEM = "the status page"
INCIDENTS = "/api/v2/incidents.json"
LONGEST = 300
"""Characters of a name or an update that are kept."""


class ProviderIncident(Value):
    """One incident as the provider tells it."""

    name: str
    impact: str
    """`none`, `minor`, `major`, `critical` or `maintenance`."""
    status: str
    """`investigating`, `identified`, `monitoring`, `resolved`, `postmortem`."""
    started: datetime
    resolved: datetime | None = None
    components: tuple[str, ...] = ()
    update: str = ""
    """The latest text."""


class _Component(Wire):
    name: str = ""


class _Update(Wire):
    body: str = ""
    affected_components: tuple[_Component, ...] | None = None


class _Incident(Wire):
    name: str = ""
    impact: str = "none"
    status: str = ""
    created_at: datetime
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    components: tuple[_Component, ...] | None = None
    incident_updates: tuple[_Update, ...] = ()


class _Answer(Wire):
    incidents: tuple[_Incident, ...] = ()


class StatusPageClient:
    """Reads one provider's page."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def incidents(self) -> tuple[ProviderIncident, ...]:
        """The latest incidents (the page gives fifty), newest first."""
        answer = await self.http.get(INCIDENTS, _Answer)
        return tuple(_incident(one) for one in answer.incidents)


def _incident(one: _Incident) -> ProviderIncident:
    update = one.incident_updates[0] if one.incident_updates else _Update()
    components = one.components or update.affected_components or ()
    return ProviderIncident(
        name=redact(one.name)[:LONGEST],
        impact=one.impact,
        status=one.status,
        started=_aware(one.started_at or one.created_at),
        resolved=_aware(one.resolved_at) if one.resolved_at else None,
        components=tuple(component.name for component in components if component.name),
        update=redact(update.body)[:LONGEST],
    )


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
