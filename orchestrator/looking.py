"""One specialist's look at one assignment, whoever keeps the report: the graph's node and the evals' harness.

Whatever happens to it, the others go on: its failure is a gap in the case file.
"""

import time
from collections.abc import Callable
from datetime import datetime

import structlog

from agents.specialist import SPECIALISTS, specialist
from agents.supervisor import Budget
from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import Gap
from incidents.recording import Answer, Look
from incidents.redaction import redact
from incidents.value import Value
from orchestrator.desk import LiveDesk
from tools.clock import Clock, ManualClock
from tools.estate import Cluster

log = structlog.get_logger(__name__)


class Looked(Value):
    """What came of an assignment: the report, and what was asked for it."""

    report: Report
    look: Look


async def look(
    assignment: Assignment, case: CaseFile, *, clusters: Callable[[str], Cluster], clock: Clock, budget: Budget
) -> Report:
    """What the specialist reports, with the seconds that it took. `clusters` gives the read clients by name."""
    return (await looked(assignment, case, clusters=clusters, at=clock.now(), budget=budget)).report


async def looked(
    assignment: Assignment,
    case: CaseFile,
    *,
    clusters: Callable[[str], Cluster],
    at: datetime,
    budget: Budget,
    desks: Callable[..., LiveDesk] = LiveDesk,
) -> Looked:
    """What the specialist reports, and what it asked. Its windows are counted from `at`, however long it takes.

    `desks` makes the desk: one of a replay answers from what was recorded. The budget is about the
    patience of people: real seconds, whatever clock the incident lives in.
    """
    ids = {"agent": assignment.agent, "incident": case.incident.id}
    started = time.monotonic()
    answers: tuple[Answer, ...] = ()
    try:
        desk = desks(
            cluster=clusters(case.incident.cluster),
            clock=ManualClock(at),
            agent=assignment.agent,
            probes=budget.probes // len(SPECIALISTS),
            seconds=budget.seconds / budget.rounds,
        )
        report = await specialist(assignment.agent).work(assignment, case, desk)
        answers = desk.answers
    except Exception as error:  # the edge of an agent: one that raises would cancel its running colleagues
        log.exception("A specialist failed", action="specialist_failed", **ids)
        report = _blind(assignment, repr(error))
    question = assignment.question.id if assignment.question else None
    return Looked(
        report=report.model_copy(update={"seconds": round(time.monotonic() - started, 3)}),
        look=Look(agent=assignment.agent, round=assignment.round, question=question, at=at, answers=answers),
    )


def _blind(assignment: Assignment, why: str) -> Report:
    gap = Gap(agent=assignment.agent, what=f"everything {assignment.agent} looks at", why=redact(why)[:400])
    return Report(agent=assignment.agent, round=assignment.round, gaps=(gap,))
