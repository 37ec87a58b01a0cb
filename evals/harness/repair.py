"""From a diagnosis to a judged repair without a database: plan, rehearsal, policy, execution, verification, undo.

Every decision is the product's own function; the executor's own code makes the changes. What the database keeps in the
product is kept in memory here, and the approval is given by people who are made up as policy asks for them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from agents.planner.plan import NoPlan, Plan
from agents.planner.plan import plan as make_plan
from agents.runbooks.library import Library
from evals.harness.clock import StoryClock
from evals.harness.investigation import Investigated
from incidents.action import ActionRequest
from incidents.approval import Channel, Choice, Decision, Person
from incidents.canonical import canonical
from incidents.evidence import Window
from incidents.execution import TERMINAL, Execution, ExecutionStatus
from incidents.ids import DecisionId, PersonId
from incidents.policy import Effect
from incidents.proposal import Alternative, Proposal, ProposalStatus
from incidents.value import Value
from incidents.verification import Judgement, Measurement, Outcome, judge
from orchestrator.executor import gate
from orchestrator.executor.catalogue import cards
from orchestrator.executor.context import Hands
from orchestrator.executor.deed import Deed, RefusedError
from orchestrator.executor.rehearsing import preview
from orchestrator.executor.running import WAIT_SECONDS, run_rows
from orchestrator.proposing import NothingToPropose, asked, measured, sealed
from orchestrator.settings import Periods
from orchestrator.store.executions import execution_key
from orchestrator.store.rehearsals import Rehearsal, RehearsalStatus
from orchestrator.twin.rehearsing import Known, predicted
from orchestrator.verification.measuring import Gauge, take, usual
from orchestrator.verification.watch import Course, course, not_undone, undoable, window_of
from tools.errors import ToolError
from tools.estate import Connections

PERIODS = Periods(measure_seconds=60.0)
"""As in production, but for the pace of measuring: a value a minute decides the same checks with less work."""

UNDONE, ESCALATED = Outcome.UNDONE.value, Outcome.ESCALATED.value
TWIN_SECONDS = 60.0
"""Wall-clock seconds for one twin: a busy machine is no reason for another answer."""
MOST_WAITING_SECONDS = 2400.0
"""Virtual seconds after which a change that waits for people or pipelines is left to them."""


class Repaired(Value):
    """What became of a diagnosis."""

    proposal: Proposal | None = None
    ending: str
    """verified, undone, escalated, nothing proposed, denied, refused."""
    detail: str = ""
    executed: tuple[ActionRequest, ...] = ()
    """What was really done, whatever became of it."""
    put_aside: tuple[Alternative, ...] = ()
    """What its rehearsal spoke against."""


@dataclass(kw_only=True)
class MemoryBook:
    """The executor's book in memory: the same gate, no other executor beside this one."""

    decisions: tuple[Decision, ...]
    rows: dict[tuple[int, bool], Execution] = field(default_factory=dict)

    async def dispatch(self, deed: Deed) -> Execution:
        """Ask the gate. Raises RefusedError."""
        if reason := self._objection(deed):
            raise RefusedError(reason)
        moved = {"status": ExecutionStatus.DISPATCHED, "dispatched_at": deed.hands.clock.now()}
        return self._keep(deed.row.model_copy(update=moved))

    async def dispatch_again(self, deed: Deed) -> str | None:
        """Nobody dies here."""
        return self._objection(deed)

    async def progress(self, deed: Deed, text: str) -> None:
        """Nobody reads along."""

    async def settle(self, deed: Deed, status: ExecutionStatus, detail: str) -> Execution:
        """End the row."""
        ended = {"status": status, "detail": detail, "ended_at": deed.hands.clock.now()}
        return self._keep(deed.row.model_copy(update=ended))

    async def current(self, deed: Deed) -> Execution:
        """The row as it stands."""
        return self.rows[deed.row.index, deed.row.undo]

    def _keep(self, row: Execution) -> Execution:
        self.rows[row.index, row.undo] = row
        return row

    def _objection(self, deed: Deed) -> str | None:
        if deed.row.undo:
            return None
        return gate.refused_actions(deed.proposal) or gate.objection(
            deed.proposal,
            status=ProposalStatus.APPROVED,
            decisions=self.decisions,
            policy=deed.hands.policy.version,
            paused=False,
            now=deed.hands.clock.now(),
            started=deed.row.index > 0,
        )


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What a repair is made with."""

    library: Library
    hands: Hands
    gauge: Gauge
    connections: Connections
    clock: StoryClock
    colleague: Callable[[], Awaitable[object]]
    """Lets people do what a change waits for."""

    async def of(self, found: Investigated) -> Repaired:
        """Propose, approve, execute, verify; undo what hurt or did not help."""
        planned = make_plan(found.case, found.diagnosis, self.library, cards())
        if isinstance(planned, NoPlan):
            return Repaired(ending="nothing proposed", detail=planned.reason)
        proposal = await self._propose(planned, found)
        if isinstance(proposal, NothingToPropose):
            return Repaired(ending="nothing proposed", detail=proposal.why, put_aside=proposal.put_aside)
        if proposal.body.policy.effect is Effect.DENY:
            return Repaired(proposal=proposal, ending="denied", detail=proposal.body.policy.reason)
        aside = tuple(one for one in proposal.body.alternatives if one.rehearsed is not None)
        return (await self._carry_out(proposal)).model_copy(update={"put_aside": aside})

    async def _propose(self, planned: Plan, found: Investigated) -> Proposal | NothingToPropose:
        answers = {canonical(request): await self._rehearse(request, found) for request in asked(planned)}
        known = Known(case=found.case, diagnosis=found.diagnosis, evidence=found.case.evidence)
        cluster = self.gauge.clusters(found.case.incident.cluster)
        predictions, _ = await predicted(cluster, known, planned, answers, seconds=TWIN_SECONDS)
        taken = await take(self.gauge, planned.checks, now=self.clock.now())
        before = await usual(self.gauge, planned.checks, before=planned.usual_at)
        return sealed(
            measured(planned, [measurement for measurement, _ in taken], usual=before),
            answers,
            case=found.case,
            policy=self.hands.policy,
            periods=PERIODS,
            connections=self.connections,
            predictions=predictions,
        )

    async def _rehearse(self, request: ActionRequest, found: Investigated) -> Rehearsal:
        now = self.clock.now()
        asking = Rehearsal(
            id="re-eval",
            incident=found.case.incident.id,
            request=request,
            status=RehearsalStatus.DONE,
            requested_at=now,
            ended_at=now,
        )
        try:
            return asking.model_copy(update={"result": await preview(self.hands, request, found.case.topology)})
        except ToolError as error:
            return asking.model_copy(update={"status": RehearsalStatus.FAILED, "problem": str(error)})

    async def _carry_out(self, proposal: Proposal) -> Repaired:
        book = MemoryBook(decisions=self._approvals(proposal))
        planned = [self._row(proposal, index, undo=False) for index in range(len(proposal.body.actions))]
        rows = await self._run(proposal, planned, book=book)
        window = window_of(proposal, rows)
        done = tuple(
            proposal.body.actions[row.index].request for row in rows if row.status is ExecutionStatus.SUCCEEDED
        )
        if window is None:
            return Repaired(proposal=proposal, ending=rows[-1].status.value, detail=rows[-1].detail)
        ending, detail = await self._watch(proposal, rows, window=window, book=book)
        return Repaired(proposal=proposal, ending=ending, detail=detail, executed=done)

    async def _run(
        self, proposal: Proposal, planned: Sequence[Execution], *, book: MemoryBook
    ) -> tuple[Execution, ...]:
        """Run the actions to their ends. What waits for a person or a pipeline is looked at again, as by a timer."""
        rows = await run_rows(proposal, planned, hands=self.hands, book=book)
        end = self.clock.now().timestamp() + MOST_WAITING_SECONDS
        while any(row.status is ExecutionStatus.DISPATCHED for row in rows) and self.clock.now().timestamp() < end:
            await self.colleague()
            await self.clock.sleep(WAIT_SECONDS)
            now = [book.rows.get((row.index, row.undo), row) for row in planned]
            rows = await run_rows(proposal, now, hands=self.hands, book=book)
        return rows

    async def _watch(
        self, proposal: Proposal, rows: Sequence[Execution], *, window: Window, book: MemoryBook
    ) -> tuple[str, str]:
        """Measure until the product would come to a verdict, letting the world live on meanwhile."""
        taken: list[Measurement] = []
        while True:
            now = self.clock.now()
            taken += [one for one, _ in await take(self.gauge, proposal.body.checks, now=now)]
            reading = judge(proposal.body.checks, taken, window=window, now=now)
            match course(reading.judgement, proposal):
                case Course.WAIT:
                    await self.clock.sleep(PERIODS.measure_seconds)
                case Course.UNDO:
                    undos = await self._undo(proposal, rows, book=book)
                    problems = not_undone(proposal, (*rows, *undos))
                    return ESCALATED if problems else UNDONE, "; ".join((reading.reason, *problems))
                case verdict:
                    return verdict.value, _words(reading.judgement, reading.reason)

    async def _undo(self, proposal: Proposal, rows: Sequence[Execution], *, book: MemoryBook) -> tuple[Execution, ...]:
        undos = [
            self._row(proposal, row.index, undo=True)
            for row in rows
            if row.status is ExecutionStatus.SUCCEEDED and undoable(proposal.body.actions[row.index])
        ]
        ended = await run_rows(proposal, undos, hands=self.hands, book=book)
        assert all(row.status in TERMINAL for row in ended), "an undo ends one way or another"
        return ended

    def _row(self, proposal: Proposal, index: int, *, undo: bool) -> Execution:
        return Execution(
            digest=proposal.digest,
            index=index,
            key=execution_key(proposal.digest, index, undo=undo),
            status=ExecutionStatus.APPROVED,
            undo=undo,
            approved_at=self.clock.now(),
        )

    def _approvals(self, proposal: Proposal) -> tuple[Decision, ...]:
        policy = proposal.body.policy
        return tuple(
            Decision(
                id=DecisionId(f"de-{number}"),
                digest=proposal.digest,
                person=Person(id=PersonId(f"person-{number}"), name=f"person {number}", roles=policy.approvers),
                choice=Choice.APPROVE,
                at=self.clock.now(),
                channel=Channel.CONSOLE,
            )
            for number in range(max(1, policy.approvals))
        )


def _words(judgement: Judgement, reason: str) -> str:
    return reason if judgement is Judgement.HELPED else f"{judgement.value}: {reason}"
