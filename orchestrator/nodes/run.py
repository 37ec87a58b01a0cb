"""Hands an approved proposal to the executor and waits for it.

The graph itself holds no credentials to change anything.
"""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from incidents.execution import Execution, ExecutionStatus
from incidents.ids import IncidentId, ProposalDigest
from incidents.incident import CLOSED, Phase
from incidents.ledger import EntryKind
from incidents.proposal import ProposalStatus
from orchestrator.context import Context
from orchestrator.executor.running import finished
from orchestrator.jobs import Task, enqueue
from orchestrator.nodes.waiting import may_try_again, proposal_in
from orchestrator.phases import ensure
from orchestrator.state import State
from orchestrator.store import executions, proposals
from orchestrator.store.errors import StaleStateError
from orchestrator.store.incidents import incident_of
from orchestrator.store.ledger import record

OVER = "its alerts resolved before what was approved began"


async def execute(state: State, runtime: Runtime[Context]) -> Command[Literal["await_execution", "conclude"]]:
    """Write down what is to be executed and wake the executor, in one transaction.

    What needed no click is approved while its alerts may still resolve: then it is withdrawn, and nothing is run.
    """
    context, digest = runtime.context, proposal_in(state)
    async with context.store.transaction(lease=context.lease) as tx:
        stored = await proposals.proposal_by(tx, digest)
        if (await incident_of(tx, state["incident"])).phase in CLOSED:
            return Command(goto="conclude", update={"ending": "resolved", "detail": OVER})
        await ensure(tx, state["incident"], to=Phase.EXECUTING, because=f"approved: {_summary(stored)}")
        await executions.plan_executions(tx, stored.proposal, now=context.clock.now())
        await enqueue(tx, Task.EXECUTE, state["incident"], item=digest)
    return Command(goto="await_execution")


async def await_execution(state: State, runtime: Runtime[Context]) -> Command[Literal["verify", "plan", "conclude"]]:
    """Wait until the executor has ended it, one way or another; then verify, propose afresh, or hand over to people."""
    context, digest = runtime.context, proposal_in(state)
    while True:
        async with context.store.transaction() as tx:
            rows = await executions.executions_of(tx, digest)
        if finished(rows):
            break
        interrupt({"waits_for": "execution", "proposal": digest})
    return await _after(state, context, digest, rows)


async def _after(
    state: State, context: Context, digest: ProposalDigest, rows: tuple[Execution, ...]
) -> Command[Literal["verify", "plan", "conclude"]]:
    own = [row for row in rows if not row.undo]
    if any(row.status is ExecutionStatus.SUCCEEDED for row in own):
        return Command(goto="verify")
    ended = next(row for row in own if row.status is not ExecutionStatus.APPROVED)
    if ended.status is ExecutionStatus.REFUSED and may_try_again(state):
        await _supersede(context, state["incident"], digest, ended.detail)
        return Command(goto="plan")
    detail = f"{ended.status}: {ended.detail}"
    return Command(goto="conclude", update={"ending": "escalated", "detail": detail})


async def _supersede(context: Context, incident: IncidentId, digest: ProposalDigest, why: str) -> None:
    now = context.clock.now()
    async with context.store.transaction(lease=context.lease) as tx:
        try:
            await proposals.set_proposal_status(
                tx, digest, to=ProposalStatus.SUPERSEDED, sources=(ProposalStatus.APPROVED,), now=now
            )
        except StaleStateError:
            return  # It was superseded before this node ran again.
        payload = {"digest": digest, "because": why}
        record(tx, kind=EntryKind.SUPERSEDED, incident=incident, actor="worker", at=now, payload=payload)


def _summary(stored: proposals.StoredProposal) -> str:
    return "; ".join(action.summary for action in stored.proposal.body.actions)
