"""Starts the watch over an executed change and waits for its verdict (invariant 8: verified, undone or escalated)."""

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from incidents.execution import TERMINAL
from incidents.ids import ProposalDigest
from incidents.incident import Phase
from incidents.verification import Outcome, Verification, judge
from orchestrator.context import Context
from orchestrator.jobs import Task, enqueue
from orchestrator.nodes.waiting import proposal_in
from orchestrator.phases import ensure
from orchestrator.state import State
from orchestrator.store import executions, proposals, verifications
from orchestrator.verification.watch import not_undone, settle, window_of, words_of


async def verify(state: State, runtime: Runtime[Context]) -> State:
    """Open the watch window: the first measurement is due at once."""
    context, digest = runtime.context, proposal_in(state)
    async with context.store.transaction(lease=context.lease) as tx:
        await ensure(tx, state["incident"], to=Phase.VERIFYING, because="executed: watching whether it helps")
        await enqueue(tx, Task.MEASURE, state["incident"], item=digest)
    return {}


async def await_verification(state: State, runtime: Runtime[Context]) -> State:
    """Wait for the verdict; when a change was taken back, write it."""
    context, digest = runtime.context, proposal_in(state)
    while (verdict := await _verdict(context, digest)) is None:
        interrupt({"waits_for": "verification", "proposal": digest})
    return {"ending": verdict.outcome.value, "detail": words_of(verdict)}


async def _verdict(context: Context, digest: ProposalDigest) -> Verification | None:
    async with context.store.transaction(lease=context.lease) as tx:
        found = await verifications.verification_of(tx, digest)
        rows = await executions.executions_of(tx, digest)
        undone = [row for row in rows if row.undo]
        if found is not None or not undone or not all(row.status in TERMINAL for row in undone):
            return found
        proposal = (await proposals.proposal_by(tx, digest)).proposal
        window = window_of(proposal, rows)
        if window is None:
            raise ValueError(f"{digest} was undone, but none of its actions had succeeded: the record is broken")
        measured = await verifications.measurements_of(tx, digest)
        latest = max((m.at for m in measured), default=window.start)
        reading = judge(proposal.body.checks, measured, window=window, now=latest)
        problems = not_undone(proposal, rows)
        outcome = Outcome.ESCALATED if problems else Outcome.UNDONE
        reading = reading.model_copy(update={"reason": "; ".join((reading.reason, *problems))})
        return await settle(tx, proposal, reading, outcome, window=window, measured=measured, now=context.clock.now())
