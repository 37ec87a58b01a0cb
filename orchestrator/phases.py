"""Moves of an incident's phase that may be repeated: a node that runs again finds its move made and goes on."""

from incidents.ids import IncidentId
from incidents.incident import Incident, Phase
from orchestrator.store.errors import StaleStateError
from orchestrator.store.incidents import incident_of, move
from orchestrator.store.transaction import Tx


async def ensure(tx: Tx, incident: IncidentId, *, to: Phase, because: str, actor: str = "worker") -> Incident:
    """Bring the incident into a phase, or leave it there. Raises StaleStateError when the lifecycle forbids it."""
    current = await incident_of(tx, incident)
    if current.phase is to:
        return current
    return await move(tx, incident, to=to, because=because, actor=actor, now=tx.clock.now())


async def ensure_if_allowed(tx: Tx, incident: IncidentId, *, to: Phase, because: str) -> Incident:
    """The same, but an incident that people or alerts moved elsewhere meanwhile stays where it is."""
    try:
        return await ensure(tx, incident, to=to, because=because)
    except StaleStateError:
        return await incident_of(tx, incident)
