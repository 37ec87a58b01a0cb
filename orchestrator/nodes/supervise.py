"""The supervisor's turn: carry out its decision whom to ask next, or to stop.

The decision itself is pure (agents.supervisor).
"""

from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from agents.challenger import Challenge
from agents.supervisor import Ask, Budget, Spent, Stop, next_step
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis, Verdict
from incidents.incident import EventKind
from orchestrator.context import Context
from orchestrator.state import Doubt, Errand, State
from orchestrator.stopping import STOPPED, stopped
from orchestrator.store.casefiles import effort_of, load_case
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.timeline import Line, append_event, append_events
from orchestrator.store.transaction import Tx


async def supervise(state: State, runtime: Runtime[Context]) -> Command[Any]:
    """Send specialists out for a round, or go on to the plan, or end without a diagnosis."""
    context, incident = runtime.context, state["incident"]
    async with context.store.transaction(lease=context.lease) as tx:
        if await stopped(tx, incident):
            return Command(goto="conclude", update={"ending": "escalated", "detail": STOPPED})
        case = await load_case(tx, incident, bodies=False)
        diagnosis = await latest_diagnosis(tx, incident)
        probes, seconds = await effort_of(tx, incident)
        asked = state.get("round", 0)
        step = next_step(
            case,
            challenge=_challenge(state.get("doubt"), case, diagnosis) if asked else None,
            budget=Budget(**context.settings.budget.model_dump()),
            spent=Spent(rounds=asked, probes=probes, seconds=seconds),
            delivered=state.get("delivered", []),
        )
        await _tell(tx, case, step, round_=asked + 1)
    match step:
        case Ask():
            return _send(state, step)
        case Stop():
            return _stop(diagnosis, step)


def _challenge(doubt: Doubt | None, case: CaseFile, diagnosis: Diagnosis | None) -> Challenge | None:
    if doubt is None or diagnosis is None:
        return None
    wanted = {question.id: question for question in case.questions}
    questions = tuple(wanted[item] for item in doubt["questions"] if item in wanted)
    return Challenge(agrees=doubt["agrees"], reason=doubt["reason"], questions=questions, diagnosis=diagnosis)


def _send(state: State, step: Ask) -> Command[Any]:
    errands = [
        Send(agent.value, Errand(incident=state["incident"], assignments=[a.model_dump_json() for a in assignments]))
        for agent, assignments in step.by_agent.items()
    ]
    delivered = [*state.get("delivered", []), *(question.id for question in step.questions)]
    return Command(goto=errands, update={"round": state.get("round", 0) + 1, "delivered": delivered})


def _stop(diagnosis: Diagnosis | None, step: Stop) -> Command[Any]:
    if diagnosis is None or diagnosis.verdict is Verdict.INCONCLUSIVE:
        reason = diagnosis.reason if diagnosis else step.reason
        return Command(goto="conclude", update={"ending": "inconclusive", "detail": reason})
    return Command(goto="plan")


async def _tell(tx: Tx, case: CaseFile, step: Ask | Stop, *, round_: int) -> None:
    at, incident = tx.clock.now(), case.incident.id
    if isinstance(step, Stop):
        await append_event(
            tx, incident, kind=EventKind.AGENT, actor="supervisor", text=step.reason, at=at, key=f"stop:{round_}"
        )
        return
    lines = [
        Line(
            incident=incident,
            kind=EventKind.QUESTION,
            actor=question.asker,
            text=f"{question.asker} -> {question.to}: {question.text}",
            refs=(question.id, *question.because),
            data={"to": question.to.value, "round": round_},
            key=f"question:{question.id}",
        )
        for question in step.questions
    ]
    await append_events(tx, lines, at=at)
