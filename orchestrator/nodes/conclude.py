"""Brings the incident to the phase in which it ends, with the reason people read.

Every way through the graph passes here.
"""

from langgraph.runtime import Runtime

from incidents.incident import CLOSED, Phase
from orchestrator.context import Context
from orchestrator.phases import ensure_if_allowed
from orchestrator.state import State
from orchestrator.store.incidents import incident_of

PHASES = {
    "verified": Phase.VERIFIED,
    "undone": Phase.UNDONE,
    "escalated": Phase.ESCALATED,
    "rejected": Phase.REJECTED,
    "expired": Phase.EXPIRED,
    "inconclusive": Phase.INCONCLUSIVE,
    "resolved": Phase.RESOLVED,
}


async def conclude(state: State, runtime: Runtime[Context]) -> State:
    """End it. When its alerts resolved or a person took it over meanwhile, that stands."""
    context, incident = runtime.context, state["incident"]
    ending = state.get("ending") or "escalated"
    async with context.store.transaction(lease=context.lease) as tx:
        current = await incident_of(tx, incident)
        if current.phase not in CLOSED:
            await ensure_if_allowed(tx, incident, to=PHASES[ending], because=state.get("detail") or ending)
    return {"ending": ending}
