"""The first word within a second: the incident is being looked at, by whom, and which workloads it is about."""

from langgraph.runtime import Runtime

from agents.supervisor import Budget
from incidents.incident import EventKind, Phase
from orchestrator.context import Context
from orchestrator.phases import ensure_if_allowed
from orchestrator.resolving import resolved
from orchestrator.state import State
from orchestrator.stopping import stopped
from orchestrator.store.casefiles import add_report, load_case
from orchestrator.store.proposals import proposals_of
from orchestrator.store.recordings import keep_look
from orchestrator.store.rehearsals import forget_rehearsals
from orchestrator.store.timeline import append_event


async def triage(state: State, runtime: Runtime[Context]) -> State:
    """Begin: or begin anew, when new alerts came to an incident that was left without a diagnosis."""
    context, incident = runtime.context, state["incident"]
    async with context.store.transaction(lease=context.lease) as tx:
        if not await stopped(tx, incident):
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
        case = await load_case(tx, incident, bodies=False)
        made = len(await proposals_of(tx, incident))
        await forget_rehearsals(tx, incident)
    budget = Budget(**context.settings.budget.model_dump())
    found = await resolved(case, clusters=context.cluster, at=context.clock.now(), budget=budget)
    if found is not None:
        async with context.store.transaction(lease=context.lease) as tx:
            await add_report(tx, incident, found.report)
            await keep_look(tx, incident, found.look)
    return {"round": 0, "delivered": [], "attempt": made, "proposal": None, "ending": None, "detail": ""}
