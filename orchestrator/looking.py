"""One specialist's look at one assignment, whoever keeps the report: the graph's node and the evals' harness.

Whatever happens to it, the others go on: its failure is a gap in the case file.
"""

import time
from collections.abc import Callable

import structlog

from agents.specialist import SPECIALISTS, specialist
from agents.supervisor import Budget
from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import Gap
from incidents.redaction import redact
from orchestrator.desk import LiveDesk
from tools.clock import Clock
from tools.estate import Cluster

log = structlog.get_logger(__name__)


async def look(
    assignment: Assignment, case: CaseFile, *, clusters: Callable[[str], Cluster], clock: Clock, budget: Budget
) -> Report:
    """What the specialist reports, with the seconds that it took. `clusters` gives the read clients by name.

    The budget is about the patience of people: real seconds, whatever clock the incident lives in.
    """
    started = time.monotonic()
    report = await _look(assignment, case, clusters=clusters, clock=clock, budget=budget)
    return report.model_copy(update={"seconds": round(time.monotonic() - started, 3)})


async def _look(
    assignment: Assignment, case: CaseFile, *, clusters: Callable[[str], Cluster], clock: Clock, budget: Budget
) -> Report:
    try:
        desk = LiveDesk(
            cluster=clusters(case.incident.cluster),
            clock=clock,
            agent=assignment.agent,
            probes=budget.probes // len(SPECIALISTS),
            seconds=budget.seconds / budget.rounds,
        )
        return await specialist(assignment.agent).work(assignment, case, desk)
    except Exception as error:  # the edge of an agent: one that raises would cancel its running colleagues
        ids = {"agent": assignment.agent, "incident": case.incident.id}
        log.exception("A specialist failed", action="specialist_failed", **ids)
        return _blind(assignment, repr(error))


def _blind(assignment: Assignment, why: str) -> Report:
    gap = Gap(agent=assignment.agent, what=f"everything {assignment.agent} looks at", why=redact(why)[:400])
    return Report(agent=assignment.agent, round=assignment.round, gaps=(gap,))
