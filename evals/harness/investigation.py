"""One investigation without a database: the same parts as the graph's, with the case file in memory.

What the nodes of the graph do between two transactions is done here in the same order: the supervisor asks, the
specialists look, the diagnostician weighs, the challenger attacks, until the supervisor stops.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from agents.challenger import Challenge
from agents.challenger import challenge as attack
from agents.diagnostician.diagnose import diagnose
from agents.model.engine import Argued
from agents.runbooks.library import Library
from agents.supervisor import Ask, Budget, Spent, next_step
from evals.harness.opening import opened
from incidents.alert import Alert
from incidents.casefile import Assignment, CaseFile, Report, pooled
from incidents.diagnosis import Diagnosis
from incidents.finding import AgentName, Question
from incidents.ids import EntityId, QuestionId
from incidents.incident import Incident
from orchestrator.looking import look
from orchestrator.resolving import resolved
from tools.clock import Clock
from tools.estate import Cluster

PATIENCE = Budget(seconds=3600.0)
"""The product's budget, but for its wall-clock seconds: a busy machine must not change an answer."""


class Estate(Protocol):
    """Where the specialists look: a living estate, or what was recorded of one."""

    def now(self, number: int) -> datetime:
        """When the argument of this round is held."""
        ...

    async def resolve(self, case: CaseFile, *, budget: Budget) -> Report | None:
        """What triage sees of the workloads behind the alerts; None when nothing is to be looked up."""
        ...

    async def look(self, assignment: Assignment, case: CaseFile, *, budget: Budget) -> Report:
        """What the specialist of the assignment reports."""
        ...


@dataclass(frozen=True, kw_only=True)
class Living:
    """An estate that answers over its APIs."""

    cluster: Cluster
    clock: Clock

    def now(self, number: int) -> datetime:  # noqa: ARG002 - a living estate has one time only
        """Now, whatever the round."""
        return self.clock.now()

    async def resolve(self, case: CaseFile, *, budget: Budget) -> Report | None:
        """Ask which workloads the alerts are about."""
        found = await resolved(case, clusters=lambda _: self.cluster, at=self.clock.now(), budget=budget)
        return found.report if found else None

    async def look(self, assignment: Assignment, case: CaseFile, *, budget: Budget) -> Report:
        """Let the specialist ask."""
        return await look(assignment, case, clusters=lambda _: self.cluster, clock=self.clock, budget=budget)


class Arguer(Protocol):
    """Who may argue after the rule engine: a model, living or recorded."""

    async def argue(self, case: CaseFile, rules: Diagnosis, *, now: datetime) -> Argued:
        """Its diagnosis where it holds, else the rules' one; and what it saw besides."""
        ...


@dataclass(frozen=True, kw_only=True)
class Investigated:
    """What came of it."""

    case: CaseFile
    diagnosis: Diagnosis
    challenge: Challenge
    rounds: int
    probes: int
    seconds: float
    """What the specialists spent looking, all together, in wall-clock seconds."""
    reports: tuple[Report, ...]


@dataclass(kw_only=True)
class _Board:
    """The case file as it grows."""

    incident: Incident
    alerts: tuple[Alert, ...]
    reports: list[Report] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)

    def case(self, *more: Report) -> CaseFile:
        """Everything that is known now, and what one agent has found besides."""
        return pooled(self.incident, alerts=self.alerts, reports=(*self.reports, *more), asked=self.asked)

    @property
    def spent(self) -> tuple[int, float]:
        """Probes asked and seconds spent so far."""
        return sum(report.probes for report in self.reports), sum(report.seconds for report in self.reports)


async def investigate(
    cluster: Cluster,
    *,
    alerts: Sequence[Alert],
    library: Library,
    clock: Clock,
    budget: Budget = PATIENCE,
    entities: Sequence[EntityId] = (),
    arguer: Arguer | None = None,
) -> Investigated:
    """Find the cause. `entities` are looked at besides what the alerts point at (the ambient question).

    Raises ValueError without an alert.
    """
    incident, own = opened(alerts, cluster=cluster.name, now=clock.now(), entities=entities)
    estate = Living(cluster=cluster, clock=clock)
    return await inquire(estate, incident, own, library=library, budget=budget, arguer=arguer)


async def inquire(
    estate: Estate,
    incident: Incident,
    alerts: tuple[Alert, ...],
    *,
    library: Library,
    budget: Budget = PATIENCE,
    arguer: Arguer | None = None,
) -> Investigated:
    """Find the cause of an incident that was opened already."""
    board = _Board(incident=incident, alerts=alerts)
    return await _Inquiry(board, estate=estate, library=library, budget=budget, arguer=arguer).run()


class _Inquiry:
    """The rounds of one investigation."""

    def __init__(
        self, board: _Board, *, estate: Estate, library: Library, budget: Budget, arguer: Arguer | None
    ) -> None:
        self.board, self.estate, self.library, self.budget, self.arguer = board, estate, library, budget, arguer
        self.rounds = 0
        self.delivered: list[QuestionId] = []

    async def run(self) -> Investigated:
        """Ask round after round until the supervisor stops. The first round is always asked."""
        result: Challenge | None = None
        behind = await self.estate.resolve(self.board.case(), budget=self.budget)
        self.board.reports += [behind] if behind else []
        while True:
            step = self._step(result)
            if not isinstance(step, Ask):
                assert result is not None, "the supervisor asks before it stops"
                return self._ended(result)
            self.rounds += 1
            self.delivered += [question.id for question in step.questions]
            await self._send(step)
            result = await self._argue()

    def _step(self, result: Challenge | None) -> object:
        probes, seconds = self.board.spent
        return next_step(
            self.board.case(),
            challenge=result,
            budget=self.budget,
            spent=Spent(rounds=self.rounds, probes=probes, seconds=seconds),
            delivered=self.delivered,
        )

    async def _send(self, step: Ask) -> None:
        """All agents at once, as in the graph; what each of them found is put together in one order."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._errand(assignments)) for assignments in step.by_agent.values()]
        for task in tasks:
            self.board.reports += task.result()

    async def _errand(self, assignments: Sequence[Assignment]) -> list[Report]:
        reports: list[Report] = []
        for assignment in assignments:
            case = self.board.case(*reports)
            reports.append(await self.estate.look(assignment, case, budget=self.budget))
        return reports

    async def _argue(self) -> Challenge:
        case, now = self.board.case(), self.estate.now(self.rounds)
        weighed = diagnose(case, self.library, now=now)
        if self.arguer is not None:
            said = await self.arguer.argue(case, weighed, now=now)
            weighed = said.diagnosis
            self.board.reports.append(Report(agent=AgentName.DIAGNOSTICIAN, round=self.rounds, evidence=said.evidence))
            case = self.board.case()
        weighed = _in_round(weighed, self.rounds)
        result = attack(case, weighed, self.library, now=now)
        self.board.asked += result.questions
        # What a colleague asked before in the same words is that colleague's question.
        known = {question.id: question for question in self.board.case().questions}
        return result.model_copy(
            update={
                "questions": tuple(known[question.id] for question in result.questions),
                "diagnosis": _in_round(result.diagnosis, self.rounds),
            }
        )

    def _ended(self, result: Challenge) -> Investigated:
        probes, seconds = self.board.spent
        return Investigated(
            case=self.board.case(),
            diagnosis=result.diagnosis,
            challenge=result,
            rounds=self.rounds,
            probes=probes,
            seconds=round(seconds, 3),
            reports=tuple(self.board.reports),
        )


def _in_round(diagnosis: Diagnosis, number: int) -> Diagnosis:
    return diagnosis.model_copy(update={"round": number})
