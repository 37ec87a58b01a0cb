"""The supervisor's look before the first round: which workloads stand behind what the alerts name."""

import time
from collections.abc import Callable
from datetime import datetime

from agents.resolving import resolve, unresolved
from agents.specialist import SPECIALISTS
from agents.supervisor import Budget
from incidents.casefile import CaseFile, Report
from incidents.finding import AgentName
from incidents.recording import Look
from orchestrator.desk import LiveDesk
from orchestrator.looking import Looked
from tools.clock import ManualClock
from tools.errors import NotConfiguredError
from tools.estate import Cluster

ROUND = 0


async def resolved(
    case: CaseFile,
    *,
    clusters: Callable[[str], Cluster],
    at: datetime,
    budget: Budget,
    desks: Callable[..., LiveDesk] = LiveDesk,
) -> Looked | None:
    """The report of round 0 and what was asked for it; None when every alert names its workload or nobody can tell.

    What could not be seen is no gap yet: the specialists ask the same systems, and say so themselves.
    """
    if not unresolved(case):
        return None
    started = time.monotonic()
    try:
        cluster = clusters(case.incident.cluster)
    except NotConfiguredError:
        return None
    desk = desks(
        cluster=cluster,
        clock=ManualClock(at),
        agent=AgentName.SUPERVISOR,
        probes=budget.probes // len(SPECIALISTS),
        seconds=budget.seconds / budget.rounds,
    )
    topology = await resolve(case, desk)
    report = Report(
        agent=AgentName.SUPERVISOR,
        round=ROUND,
        evidence=tuple(item.evidence for item in desk.observations),
        topology=topology,
        probes=desk.probes,
        seconds=round(time.monotonic() - started, 3),
    )
    return Looked(report=report, look=Look(agent=AgentName.SUPERVISOR, round=ROUND, at=at, answers=desk.answers))
