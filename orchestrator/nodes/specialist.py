"""One specialist at work for one round.

Whatever happens to it, the others go on: its failure is a gap in the case file.
"""

import time
from collections.abc import Sequence

import structlog
from langgraph.runtime import Runtime

from agents.specialist import SPECIALISTS, specialist
from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import Gap
from incidents.ids import IncidentId
from incidents.incident import EventKind
from incidents.redaction import redact
from orchestrator.context import Context
from orchestrator.desk import LiveDesk
from orchestrator.state import Errand, State
from orchestrator.store.casefiles import add_report, load_case
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx

log = structlog.get_logger(__name__)


async def work(state: Errand, runtime: Runtime[Context]) -> State:
    """Do what the assignments of this errand say and put the reports into the case file."""
    context, incident = runtime.context, state["incident"]
    for text in state["assignments"]:
        assignment = Assignment.model_validate_json(text)
        async with context.store.transaction() as tx:
            case = await load_case(tx, incident)
        await _say(context, incident, assignment, _beginning(assignment), step="start")
        started = time.monotonic()
        report = await _look(context, assignment, case)
        # The budget is about the patience of people: real seconds, whatever clock the incident lives in.
        report = report.model_copy(update={"seconds": round(time.monotonic() - started, 3)})
        async with context.store.transaction(lease=context.lease) as tx:
            await add_report(tx, incident, report, key=assignment.question.id if assignment.question else "")
            await _tell(tx, incident, assignment, report)
    return {}


async def _look(context: Context, assignment: Assignment, case: CaseFile) -> Report:
    try:
        desk = LiveDesk(
            cluster=context.cluster(case.incident.cluster),
            clock=context.clock,
            agent=assignment.agent,
            probes=context.settings.budget.probes // len(SPECIALISTS),
            seconds=context.settings.budget.seconds / context.settings.budget.rounds,
        )
        return await specialist(assignment.agent).work(assignment, case, desk)
    except Exception as error:  # the edge of an agent: one that raises would cancel its running colleagues
        ids = {"agent": assignment.agent, "incident": case.incident.id}
        log.exception("A specialist failed", action="specialist_failed", **ids)
        return _blind(assignment, repr(error))


def _blind(assignment: Assignment, why: str) -> Report:
    gap = Gap(agent=assignment.agent, what=f"everything {assignment.agent} looks at", why=redact(why)[:400])
    return Report(agent=assignment.agent, round=assignment.round, gaps=(gap,))


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
    at = tx.clock.now()
    for finding in report.findings:
        await append_event(
            tx,
            incident,
            kind=EventKind.FINDING,
            actor=report.agent,
            text=finding.text,
            at=at,
            refs=(finding.id, *finding.evidence),
            data={"confidence": finding.confidence, "round": report.round},
            key=f"finding:{finding.id}",
        )
    await append_event(
        tx,
        incident,
        kind=EventKind.AGENT,
        actor=report.agent,
        text=_ending(report),
        at=at,
        data={"round": report.round, "step": "end", "probes": report.probes, "seconds": report.seconds},
        key=f"agent:{report.agent}:{report.round}:{_key(assignment)}:end",
    )


def _ending(report: Report) -> str:
    found = f"{_count(len(report.findings), 'finding')} from {_count(len(report.evidence), 'observation')}"
    missed = f"; could not see {_count(len(report.gaps), 'thing')}" if report.gaps else ""
    return f"done: {found}{missed}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
