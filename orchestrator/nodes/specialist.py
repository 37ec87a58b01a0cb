"""One specialist at work for one round: what it does is told while it does it, and kept in the case file."""

from collections.abc import Sequence

from langgraph.runtime import Runtime

from agents.supervisor import Budget
from incidents.casefile import Assignment, Report, extended
from incidents.ids import IncidentId
from incidents.incident import EventKind
from orchestrator.context import Context
from orchestrator.looking import looked
from orchestrator.state import Errand, State
from orchestrator.stopping import unless_stopped
from orchestrator.store.casefiles import add_report
from orchestrator.store.recordings import keep_look
from orchestrator.store.timeline import Line, append_event, append_events
from orchestrator.store.transaction import Tx


async def work(state: Errand, runtime: Runtime[Context]) -> State:
    """Do what the assignments of this errand say and put the reports into the case file."""
    context, incident = runtime.context, state["incident"]
    assignments = [Assignment.model_validate_json(text) for text in state["assignments"]]
    budget = Budget(**context.settings.budget.model_dump())
    case = await context.beginnings.of(context.store, incident, round_=assignments[0].round)
    reports: list[Report] = []
    now = context.clock.now()  # one for all: what they ask alike is the same question
    for assignment in assignments:
        await _say(context, incident, assignment, _beginning(assignment), step="start")
        known = extended(case, reports)
        look = looked(assignment, known, clusters=context.cluster, at=now, budget=budget)
        done = await unless_stopped(context.store, incident, look)
        if done is None:
            break
        reports.append(done.report)
        async with context.store.transaction(lease=context.lease) as tx:
            await add_report(tx, incident, done.report, key=assignment.question.id if assignment.question else "")
            await keep_look(tx, incident, done.look)
            await _tell(tx, incident, assignment, done.report)
    return {}


def _beginning(assignment: Assignment) -> str:
    if assignment.question:
        return f"looking into: {assignment.question.text}"
    return f"looking at {_names(assignment.entities)}"


def _names(entities: Sequence[str], *, most: int = 4) -> str:
    names = list(dict.fromkeys(entity.split("/", 3)[-1] for entity in entities))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "the estate"


async def _say(context: Context, incident: IncidentId, assignment: Assignment, text: str, *, step: str) -> None:
    async with context.store.transaction(lease=context.lease) as tx:
        await append_event(
            tx,
            incident,
            kind=EventKind.AGENT,
            actor=assignment.agent,
            text=text,
            at=context.clock.now(),
            data={"round": assignment.round, "step": step},
            key=f"agent:{assignment.agent}:{assignment.round}:{_key(assignment)}:{step}",
        )


def _key(assignment: Assignment) -> str:
    return assignment.question.id if assignment.question else assignment.topic.value


async def _tell(tx: Tx, incident: IncidentId, assignment: Assignment, report: Report) -> None:
    found = [
        Line(
            incident=incident,
            kind=EventKind.FINDING,
            actor=report.agent,
            text=finding.text,
            refs=(finding.id, *finding.evidence),
            data={"confidence": finding.confidence, "round": report.round},
            key=f"finding:{finding.id}",
        )
        for finding in report.findings
    ]
    end = Line(
        incident=incident,
        kind=EventKind.AGENT,
        actor=report.agent,
        text=_ending(report),
        data={"round": report.round, "step": "end", "probes": report.probes, "seconds": report.seconds},
        key=f"agent:{report.agent}:{report.round}:{_key(assignment)}:end",
    )
    await append_events(tx, [*found, end], at=tx.clock.now())


def _ending(report: Report) -> str:
    found = f"{_count(len(report.findings), 'finding')} from {_count(len(report.evidence), 'observation')}"
    missed = f"; could not see {_count(len(report.gaps), 'thing')}" if report.gaps else ""
    return f"done: {found}{missed}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
