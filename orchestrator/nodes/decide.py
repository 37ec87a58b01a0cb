"""From a rehearsed plan to a person's decision: policy, the sealed proposal, the announcement, the wait."""

from collections.abc import Mapping
from typing import Any, Literal, assert_never

from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from agents.planner.plan import NoPlan, Plan
from incidents.approval import changed_by_requester
from incidents.ids import IncidentId
from incidents.incident import CLOSED, EventKind, Phase
from incidents.ledger import EntryKind
from incidents.policy import Effect, Findings
from incidents.prediction import Prediction
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.context import Context
from orchestrator.jobs import Task, enqueue
from orchestrator.narrowing import NarrowedPlan, give_up
from orchestrator.nodes.waiting import may_try_again, proposal_in
from orchestrator.phases import ensure
from orchestrator.policy.question import question_about
from orchestrator.policy.ruling import asked_outside
from orchestrator.proposing import NothingToPropose, measured_plan, propose
from orchestrator.state import Ending, State
from orchestrator.stopping import ended_meanwhile
from orchestrator.store import proposals
from orchestrator.store.casefiles import add_evidence
from orchestrator.store.incidents import incident_of
from orchestrator.store.instructions import restart_at
from orchestrator.store.ledger import record
from orchestrator.store.rejections import rejection_on
from orchestrator.store.standing import lock_standing, standing_of
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx
from orchestrator.twin.rehearsing import foreseen

ENOUGH = "the proposal was rejected, and enough others were made before it: people own this incident now"


async def govern(state: State, runtime: Runtime[Context]) -> Command[Literal["announce", "conclude", "plan"]]:
    """Ask policy about exactly what was rehearsed, and seal it. What policy denies is shown and never executable."""
    context, incident, attempt = runtime.context, state["incident"], state["attempt"]
    planned, evidence = await measured_plan(context, incident)
    predictions = await foreseen(context, incident, planned, attempt=attempt)
    outside = await _asked_outside(context, incident, planned, attempt=attempt, predictions=predictions)
    async with context.store.transaction(lease=context.lease) as tx:
        if (ended := await ended_meanwhile(tx, incident)) is not None:
            return Command(goto="conclude", update=dict(ended))
        made = await proposals.proposals_of(tx, incident)
        if len(made) >= attempt:  # This node ran before and died: what it sealed stands.
            return Command(goto="announce", update={"proposal": made[-1].proposal.digest})
        await add_evidence(tx, incident, evidence)
        await lock_standing(tx)
        standing = await standing_of(tx, incident, now=tx.clock.now(), policy=context.policy)
        sealed = await propose(
            tx, context, incident, planned, attempt=attempt, standing=standing, outside=outside, predictions=predictions
        )
        if isinstance(sealed, NothingToPropose) and isinstance(planned, NarrowedPlan):
            await give_up(tx, planned, incident=incident, why=sealed.why)
            return Command(goto="plan", update={"attempt": attempt - 1, "narrowed": state.get("narrowed", 1) - 1})
        if isinstance(sealed, NothingToPropose):
            return Command(goto="conclude", update={"ending": "escalated", "detail": sealed.why})
        denied = sealed.body.policy.effect is Effect.DENY
        status = ProposalStatus.DENIED if denied else _first_status(sealed)
        asked_by = sealed.body.narrowings[-1].by if changed_by_requester(sealed.body) else None
        if await proposals.save_proposal(tx, sealed, status=status, requested_by=asked_by):
            _record(tx, sealed, denied=denied)
    if denied:
        detail = f"policy does not allow it: {sealed.body.policy.reason}"
        return Command(goto="conclude", update={"proposal": sealed.digest, "ending": "escalated", "detail": detail})
    return Command(goto="announce", update={"proposal": sealed.digest})


async def _asked_outside(
    context: Context,
    incident: IncidentId,
    planned: Plan | NoPlan,
    *,
    attempt: int,
    predictions: Mapping[bytes, Prediction],
) -> Findings | None:
    """What the policy's OPA server says of what would be sealed; asked outside of any transaction."""
    if context.policy.opa is None:
        return None
    async with context.store.transaction() as tx:
        standing = await standing_of(tx, incident, now=tx.clock.now(), policy=context.policy)
        draft = await propose(
            tx, context, incident, planned, attempt=attempt, standing=standing, predictions=predictions
        )
    if isinstance(draft, NothingToPropose):
        return None
    return await asked_outside(context.policy, question_about(draft.body, now=draft.body.created_at, standing=standing))


def _first_status(sealed: Proposal) -> ProposalStatus:
    """A human-written pre-approval is the decision; everything else waits for a person."""
    return ProposalStatus.APPROVED if sealed.body.policy.effect is Effect.ALLOW else ProposalStatus.PENDING


def _record(tx: Tx, sealed: Proposal, *, denied: bool) -> None:
    record(
        tx,
        kind=EntryKind.POLICY_DENIED if denied else EntryKind.PROPOSED,
        incident=sealed.body.incident,
        actor="worker",
        at=tx.clock.now(),
        payload={"digest": sealed.digest, "proposal": sealed.body.model_dump(mode="json")},
    )


async def announce(state: State, runtime: Runtime[Context]) -> State:
    """Put it before people and start the clock of its expiry."""
    context, incident, digest = runtime.context, state["incident"], proposal_in(state)
    async with context.store.transaction(lease=context.lease) as tx:
        stored = await proposals.proposal_by(tx, digest)
        body = stored.proposal.body
        summary = "; ".join(action.summary for action in body.actions)
        if stored.status is ProposalStatus.PENDING:
            await ensure(tx, incident, to=Phase.AWAITING_DECISION, because=f"proposed: {summary}")
            await enqueue(tx, Task.EXPIRE, incident, item=digest, run_at=body.expires_at)
        await append_event(
            tx,
            incident,
            kind=EventKind.PROPOSAL,
            actor="planner",
            text="; ".join([f"proposed: {summary}", *(one.text for one in body.narrowings)]),
            at=context.clock.now(),
            refs=(digest, *body.evidence),
            data={"expires_at": body.expires_at.isoformat(), "risk": body.risk.value},
            key=f"proposal:{digest}",
        )
    return {}


async def await_decision(
    state: State, runtime: Runtime[Context]
) -> Command[Literal["execute", "plan", "triage", "conclude"]]:
    """Wait for people. Only the table counts: the answer that wakes this node is not looked at."""
    context, digest = runtime.context, proposal_in(state)
    while True:
        async with context.store.transaction() as tx:
            status = (await proposals.proposal_by(tx, digest)).status
            phase = (await incident_of(tx, state["incident"])).phase
            closed = phase in CLOSED
            again = await restart_at(tx, state["incident"])
            rejection = await rejection_on(tx, digest)
        if closed and status is not ProposalStatus.APPROVED:
            return _end("resolved", "its alerts resolved while the proposal waited")
        if status is ProposalStatus.SUPERSEDED and phase is Phase.INVESTIGATING:
            return Command(goto=again)
        if status is ProposalStatus.REJECTED and rejection and rejection.wish.another:
            return Command(goto="plan") if may_try_again(state) else _end("escalated", ENOUGH)
        if status is not ProposalStatus.PENDING:
            return _after(status)
        interrupt({"waits_for": "decision", "proposal": digest})


def _after(status: ProposalStatus) -> Command[Literal["execute", "plan", "triage", "conclude"]]:
    match status:
        case ProposalStatus.APPROVED | ProposalStatus.EXECUTED:
            return Command(goto="execute")
        case ProposalStatus.REJECTED:
            return _end("rejected", "the proposal was rejected: people own this incident now")
        case ProposalStatus.EXPIRED:
            return _end("expired", "nobody decided in time: people own this incident now")
        case ProposalStatus.DENIED | ProposalStatus.SUPERSEDED:
            return _end("escalated", f"the proposal is {status}: people own this incident now")
        case ProposalStatus.PENDING:
            raise ValueError("a pending proposal has no end yet")
        case _:
            assert_never(status)


def _end(ending: Ending, detail: str) -> Command[Any]:
    return Command(goto="conclude", update={"ending": ending, "detail": detail})
