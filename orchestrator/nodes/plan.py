"""From a diagnosis to a rehearsed plan. The rehearsal is the executor's work; this thread asks for it and waits."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from agents.planner.plan import NoPlan
from incidents.ids import IncidentId
from incidents.incident import EventKind
from orchestrator.context import Context
from orchestrator.jobs import Task, enqueue
from orchestrator.narrowing import NarrowedPlan
from orchestrator.proposing import asked, plan_of
from orchestrator.state import State
from orchestrator.stopping import ended_meanwhile
from orchestrator.store import rehearsals
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.rehearsals import RehearsalStatus
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx


async def plan(state: State, runtime: Runtime[Context]) -> Command[Literal["rehearse", "conclude"]]:
    """Decide what to propose; with nothing to propose, people take over and are told why."""
    context, incident = runtime.context, state["incident"]
    async with context.store.transaction(lease=context.lease) as tx:
        if (ended := await ended_meanwhile(tx, incident)) is not None:
            return Command(goto="conclude", update=dict(ended))
        planned = await plan_of(tx, context, incident)
        attempt = state.get("attempt", 0) + 1
        if isinstance(planned, NoPlan):
            await append_event(
                tx,
                incident,
                kind=EventKind.NOTE,
                actor="planner",
                text=f"nothing to propose: {planned.reason}",
                at=context.clock.now(),
                key=f"no-plan:{attempt}",
            )
            detail = f"{await _found(tx, incident)}Midwatch proposes nothing: {planned.reason}"
            return Command(goto="conclude", update={"attempt": attempt, "ending": "escalated", "detail": detail})
    narrowed = state.get("narrowed", 0) + isinstance(planned, NarrowedPlan)
    return Command(goto="rehearse", update={"attempt": attempt, "narrowed": narrowed})


async def _found(tx: Tx, incident: IncidentId) -> str:
    """What people take over with: the statements that the diagnosis stands on."""
    diagnosis = await latest_diagnosis(tx, incident)
    return "".join(f"{hypothesis.statement} " for hypothesis in (diagnosis.leading if diagnosis else ()))


async def rehearse(state: State, runtime: Runtime[Context]) -> State:
    """Ask the executor to preview the plan's actions, and the fallbacks too: a refused one costs no second round."""
    context, incident = runtime.context, state["incident"]
    async with context.store.transaction(lease=context.lease) as tx:
        planned = await plan_of(tx, context, incident)
        requests = () if isinstance(planned, NoPlan) else asked(planned)
        for request in requests:
            await rehearsals.request_rehearsal(
                tx, incident, request, attempt=str(state["attempt"]), now=context.clock.now()
            )
        await enqueue(tx, Task.REHEARSE, incident)
    return {}


async def await_rehearsal(state: State, runtime: Runtime[Context]) -> Command[Literal["govern"]]:
    """Wait until every request is answered."""
    context, incident = runtime.context, state["incident"]
    while True:
        async with context.store.transaction() as tx:
            waiting = await rehearsals.requested_rehearsals(tx, incident)
        if not any(rehearsal.status is RehearsalStatus.REQUESTED for rehearsal in waiting):
            return Command(goto="govern")
        interrupt({"waits_for": "rehearsal"})
