"""The first word within a second: the incident is being looked at, by whom."""

from langgraph.runtime import Runtime

from incidents.incident import EventKind, Phase
from orchestrator.context import Context
from orchestrator.phases import ensure_if_allowed
from orchestrator.state import State
from orchestrator.store.timeline import append_event


async def triage(state: State, runtime: Runtime[Context]) -> State:
    """Begin: or begin anew, when new alerts came to an incident that was left without a diagnosis."""
    context, incident = runtime.context, state["incident"]
    async with context.store.transaction(lease=context.lease) as tx:
        await ensure_if_allowed(tx, incident, to=Phase.INVESTIGATING, because="looking for the cause")
        await append_event(
            tx,
            incident,
            kind=EventKind.AGENT,
            actor="supervisor",
            text="looking: kubernetes, cicd, observability, cost",
            at=context.clock.now(),
            key=f"looking:{context.lease.fence}",
        )
    return {"round": 0, "delivered": [], "attempt": 0, "proposal": None, "ending": None, "detail": ""}
