"""The investigation of an exported incident, run again offline: other runbooks, another policy, other code.

With nothing changed the outcome is the same to the last bit. What was not asked then is answered "not recorded".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agents.model.engine import Argued, ModelEngine, replaying
from agents.planner.checks import rebased
from agents.planner.plan import NoPlan, Plan
from agents.planner.plan import plan as make_plan
from agents.runbooks.library import Library
from agents.supervisor import Budget
from evals.harness.investigation import Investigated, inquire
from evals.replay.desk import Recorded
from incidents.alert import Alert, AlertStatus
from incidents.canonical import canonical
from incidents.casefile import Assignment, CaseFile, Report
from incidents.diagnosis import Diagnosis
from incidents.finding import AgentName
from incidents.ids import EntityId
from incidents.policy import Policy
from incidents.prediction import Prediction
from incidents.proposal import Proposal
from incidents.verification import Check, CheckRole
from orchestrator.executor.catalogue import cards
from orchestrator.exporting import Export, SeenAlert
from orchestrator.looking import looked
from orchestrator.proposing import NothingToPropose, asked, sealed
from orchestrator.resolving import resolved
from orchestrator.store.rehearsals import Rehearsal, RehearsalStatus
from tools.clock import ManualClock
from tools.estate import Cluster, Connections

NOT_REHEARSED = "not recorded: this action was not rehearsed when the incident was handled"


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of it this time."""

    found: Investigated
    proposal: Proposal | NothingToPropose

    @property
    def diagnosis(self) -> Diagnosis:
        """The argument's end."""
        return self.found.diagnosis


async def replay(
    export: Export, *, library: Library, policy: Policy | None = None, model: ModelEngine | None = None
) -> Replayed:
    """Run it again. `policy` takes the place of the recorded one.

    `model` argues as it would have then; without one, what a model said then is said again.
    """
    estate = _RecordedEstate(export)
    alerts = tuple(_as_seen(item, at=estate.end) for item in export.alerts if item.first_seen <= estate.end)
    budget = Budget(rounds=_rounds(export), probes=export.budget.probes, seconds=PATIENT_SECONDS)
    arguer = _Model(estate, engine=model, library=library) if model or export.model else None
    found = await inquire(estate, export.incident, alerts, library=library, budget=budget, arguer=arguer)
    return Replayed(found=found, proposal=_proposed(export, found, library=library, policy=policy or export.policy))


PATIENT_SECONDS = 3600.0
"""Reading a file takes no time: the budget of seconds decides nothing in a replay."""


def _rounds(export: Export) -> int:
    """Rounds that may be asked: where time ran out then, no more than there was time for."""
    spent = len(export.diagnoses)
    return min(export.budget.rounds, spent) if _ran_out(export) and spent else export.budget.rounds


def _ran_out(export: Export) -> bool:
    starts = [look.at for look in export.looks]
    return bool(starts) and (max(starts) - min(starts)).total_seconds() >= export.budget.seconds


class _RecordedEstate:
    """The estate as the specialists saw it."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.times = {diagnosis.round: diagnosis.at for diagnosis in export.diagnoses}
        self.end = max(self.times.values(), default=export.incident.opened_at)
        self.recorded = Recorded(export.looks, otherwise=self.end)
        self.cluster = _cluster(export.connections, at=self.end)

    def now(self, number: int) -> datetime:
        """When that round was argued; a round that there was not, at the end."""
        return self.times.get(number, self.end)

    async def resolve(self, case: CaseFile, *, budget: Budget) -> Report | None:
        """As triage saw it."""
        errand = (AgentName.SUPERVISOR, 0, None)
        at, desks = self.recorded.at(*errand), self.recorded.desks(*errand)
        found = await resolved(case, clusters=lambda _: self.cluster, at=at, budget=budget, desks=desks)
        return found.report if found else None

    async def look(self, assignment: Assignment, case: CaseFile, *, budget: Budget) -> Report:
        """As the specialist saw it."""
        errand = (assignment.agent, assignment.round, assignment.question.id if assignment.question else None)
        at, desks = self.recorded.at(*errand), self.recorded.desks(*errand)
        done = await looked(assignment, case, clusters=lambda _: self.cluster, at=at, budget=budget, desks=desks)
        return done.report


class _Model:
    """A model that argues over what was recorded: another one, or the recorded one again."""

    def __init__(self, estate: _RecordedEstate, *, engine: ModelEngine | None, library: Library) -> None:
        self.estate, self.engine, self.library = estate, engine, library

    async def argue(self, case: CaseFile, rules: Diagnosis, *, now: datetime) -> Argued:
        """Its own questions are answered from the recording too."""
        errand = (AgentName.DIAGNOSTICIAN, case.round, None)
        calls = self.estate.recorded.calls(*errand)
        engine = self.engine or replaying(self.estate.export.model, calls)
        desk = self.estate.recorded.desks(*errand)(
            cluster=self.estate.cluster,
            clock=ManualClock(self.estate.recorded.at(*errand)),
            agent=AgentName.DIAGNOSTICIAN,
            probes=engine.budget.tool_calls,
            seconds=engine.budget.seconds,
        )
        return await engine.argue(case, rules, self.library, desk, now=now)


def _cluster(connections: Connections, *, at: datetime) -> Cluster:
    """A cluster of which nothing is asked: the desk answers before any client would."""
    return Cluster(name=connections.name, clock=ManualClock(at), connections=connections)


def _as_seen(item: SeenAlert, *, at: datetime) -> Alert:
    """The alert as it was known at that time: what has ended since was firing."""
    ended = item.alert.ends_at
    if ended is None or ended <= at:
        return item.alert
    return item.alert.model_copy(update={"status": AlertStatus.FIRING, "ends_at": None})


def _proposed(export: Export, found: Investigated, *, library: Library, policy: Policy) -> Proposal | NothingToPropose:
    planned = make_plan(found.case, found.diagnosis, library, cards())
    if isinstance(planned, NoPlan):
        return NothingToPropose(why=planned.reason)
    return sealed(
        _measured(planned, export.proposal),
        _rehearsals(planned, export),
        case=found.case,
        policy=policy,
        periods=export.periods,
        connections=export.connections,
        standing=export.standing,
        outside=export.proposal.body.policy.outside if export.proposal else None,
        rejections=export.rejections,
        predictions=_foreseen(export.proposal),
        supersedes=export.proposal.body.supersedes if export.proposal else None,
    )


def _foreseen(before: Proposal | None) -> Mapping[bytes, Prediction]:
    """What was foreseen then: a twin is not made anew, because it may take real time."""
    body = before.body if before else None
    if body is None or body.rehearsal is None:
        return {}
    return {canonical(action.request): body.rehearsal for action in body.actions}


def _measured(plan: Plan, before: Proposal | None) -> Plan:
    """The plan with the baselines that were measured then; a check that is new keeps what the case file says."""
    known = {_what(check): check for check in before.body.checks} if before else {}
    checks = (_as_measured(check, known.get(_what(check))) for check in plan.checks)
    return plan.model_copy(update={"checks": tuple(checks)})


def _as_measured(check: Check, before: Check | None) -> Check:
    if before is None or before.baseline is None:
        return check
    return rebased(check, baseline=before.baseline, healthy=before.healthy)


def _what(check: Check) -> tuple[CheckRole, str, EntityId]:
    return check.role, check.measure, check.entity


def _rehearsals(plan: Plan, export: Export) -> Mapping[bytes, Rehearsal]:
    kept = {canonical(item.request): item for item in export.rehearsals}
    now = max((item.requested_at for item in export.rehearsals), default=export.incident.opened_at)
    missing = {
        canonical(request): Rehearsal(
            id="not-recorded",
            incident=export.incident.id,
            request=request,
            status=RehearsalStatus.FAILED,
            problem=NOT_REHEARSED,
            requested_at=now,
        )
        for request in asked(plan)
    }
    return missing | kept
