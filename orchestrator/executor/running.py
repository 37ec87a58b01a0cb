"""Runs an approved proposal: every action at most once, only as approved, only while its target is what was seen.

One action goes `approved -> dispatched` (committed) `-> succeeded | failed | unknown`, or `approved -> refused`. What a
dead process left `dispatched` is looked at before anything else is done; doing it again is a compare-and-swap against
the same fence, so that a late twin of the first attempt and the second cannot both succeed.
"""

from typing import assert_never

from incidents.action import ActionOutcome
from incidents.execution import TERMINAL, Execution, ExecutionStatus
from incidents.ids import ProposalDigest
from incidents.ledger import EntryKind
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.executor import gate
from orchestrator.executor.context import ExecutorContext
from orchestrator.executor.deed import Deed
from orchestrator.executor.record import settle, tell
from orchestrator.jobs import Task, enqueue
from orchestrator.store import executions, proposals
from orchestrator.store.control import switch_of
from orchestrator.store.decisions import decisions_on
from orchestrator.store.errors import StaleStateError
from orchestrator.store.ledger import record
from orchestrator.store.transaction import Tx
from tools.action import Progress
from tools.errors import ConflictError, PermanentError, ToolError

FOLLOW_SECONDS = 600.0
"""A rollout that is not complete after that long (Kubernetes' own deadline) is left to verification to judge."""
LOOK_SECONDS = 2.0
"""Between two looks at how far a change has come."""
SETTLE_SECONDS = 5.0
"""After a request without an answer, before looking whether it happened."""
LOOK_TRIES = 5
"""Looks that may fail in a row before nobody can say whether it happened."""


async def run(context: ExecutorContext, digest: ProposalDigest) -> None:
    """Run the actions of a proposal in their order, or go on with them; then wake the graph.

    When undos are planned it is their turn, last action first: the approval of a proposal covers its undo.
    """
    async with context.store.transaction() as tx:
        proposal = (await proposals.proposal_by(tx, digest)).proposal
        rows = await executions.executions_of(tx, digest)
    undos = [row for row in rows if row.undo]
    for row in reversed(undos):
        await carry_out(context, proposal, row)
    for row in () if undos else rows:
        ended = await carry_out(context, proposal, row)
        if ended.status is not ExecutionStatus.SUCCEEDED:
            break
    async with context.store.transaction() as tx:
        await enqueue(tx, Task.ADVANCE, proposal.body.incident)


async def carry_out(context: ExecutorContext, proposal: Proposal, row: Execution) -> Execution:
    """Bring one row to its end, from wherever it stands."""
    deed = Deed(context=context, proposal=proposal, row=row)
    match row.status:
        case ExecutionStatus.APPROVED:
            return await _start(deed)
        case ExecutionStatus.DISPATCHED:
            return await _reconcile(deed)
        case _:
            return row


async def _start(deed: Deed) -> Execution:
    reason = await _objection(deed)
    if reason is not None:
        return await settle(deed, ExecutionStatus.REFUSED, reason)
    try:
        dispatched = await _dispatch(deed)
    except StaleStateError:
        return await _current(deed)
    except _Refused as refused:
        return await settle(deed, ExecutionStatus.REFUSED, str(refused))
    return await _do(deed.at(dispatched))


async def _objection(deed: Deed) -> str | None:
    """Look at the target itself: it has to be what the approver saw."""
    if deed.row.undo:
        return None
    action = deed.proposed
    try:
        now = await deed.action.capture(deed.cluster, action.request)
    except ToolError as error:
        return f"its target cannot be read as it was seen: {error}"
    differences = action.fence.differences(now.fence)
    return "its target changed since it was seen: " + "; ".join(differences) if differences else None


class _Refused(Exception):  # noqa: N818 - it carries a refusal, nothing went wrong
    """The gate closed between the look at the target and the dispatch."""


async def _dispatch(deed: Deed) -> Execution:
    """Ask the gate and commit `dispatched`, both under the lock of the proposal's row."""
    context, now = deed.context, deed.context.clock.now()
    async with context.store.transaction() as tx:
        reason = await _gate(tx, deed)
        if reason is not None:
            raise _Refused(reason)
        row = await executions.set_execution_status(tx, deed.row, to=ExecutionStatus.DISPATCHED, now=now)
        kind = EntryKind.UNDO_DISPATCHED if row.undo else EntryKind.DISPATCHED
        record(tx, kind=kind, incident=deed.incident, actor="executor", at=now, payload=deed.payload())
        await tell(tx, deed, deed.beginning)
    return row


async def _gate(tx: Tx, deed: Deed) -> str | None:
    stored = await proposals.proposal_by(tx, deed.proposal.digest, lock=True)
    paused = (await switch_of(tx)).paused
    if deed.row.undo:
        return "Midwatch is paused: nothing is executed until somebody resumes it" if paused else None
    started = deed.row.index > 0
    status = ProposalStatus.APPROVED if started and stored.status is ProposalStatus.EXECUTED else stored.status
    return gate.refused_actions(stored.proposal) or gate.objection(
        stored.proposal,
        status=status,
        decisions=await decisions_on(tx, deed.proposal.digest),
        policy=deed.context.policy.version,
        paused=paused,
        now=deed.context.clock.now(),
        started=started,
    )


async def _do(deed: Deed) -> Execution:
    """The effect itself. The row is dispatched: whatever happens now, it is looked at, never blindly repeated."""
    request, snapshot = deed.proposed.request, deed.proposed.snapshot
    step = deed.action.undo if deed.row.undo else deed.action.apply
    try:
        await step(deed.cluster, request, snapshot, deed.row.key)
    except ConflictError as error:
        return await _conflict(deed, error)
    except PermanentError as error:
        return await settle(deed, ExecutionStatus.FAILED, str(error))
    except ToolError:
        # The request may still be on its way inside the target system: give it time to land before looking.
        await deed.context.clock.sleep(SETTLE_SECONDS)
        return await _look(deed, again=False)
    return await _follow(deed)


async def _conflict(deed: Deed, error: ConflictError) -> Execution:
    """The compare-and-swap did not hold: perhaps because an earlier attempt of this very action had done it."""
    if (await _seen(deed)).outcome is ActionOutcome.HAPPENED:
        return await _follow(deed)
    reason = f"its target changed at the last moment and nothing was done: {error}"
    return await settle(deed, ExecutionStatus.REFUSED, reason)


async def _reconcile(deed: Deed) -> Execution:
    """A dead process left it dispatched: look whether it happened; if not, do it, once, by compare-and-swap."""
    return await _look(deed, again=True)


async def _look(deed: Deed, *, again: bool) -> Execution:
    seen = await _seen(deed)
    match seen.outcome:
        case ActionOutcome.HAPPENED:
            return await _follow(deed)
        case ActionOutcome.NOT_HAPPENED if again:
            return await _do_again(deed)
        case ActionOutcome.NOT_HAPPENED:
            return await settle(deed, ExecutionStatus.FAILED, f"it did not happen: {seen.text}")
        case ActionOutcome.UNKNOWN:
            return await settle(deed, ExecutionStatus.UNKNOWN, f"nobody could see whether it happened: {seen.text}")
        case _:
            assert_never(seen.outcome)


async def _do_again(deed: Deed) -> Execution:
    async with deed.context.store.transaction() as tx:
        reason = await _gate(tx, deed)
        now = deed.context.clock.now()
        if reason is None:
            payload = deed.payload() | {"note": "a process died; looked: it had not happened; done by compare-and-swap"}
            kind = EntryKind.UNDO_DISPATCHED if deed.row.undo else EntryKind.DISPATCHED
            record(tx, kind=kind, incident=deed.incident, actor="executor", at=now, payload=payload)
    reason = reason or await _objection(deed)
    if reason is None:
        return await _do(deed)
    # The process that was taken for dead, or another successor, may have done it between the look and now: then the
    # target differs because of this very action.
    if (await _seen(deed)).outcome is ActionOutcome.HAPPENED:
        return await _follow(deed)
    return await settle(deed, ExecutionStatus.REFUSED, reason)


async def _seen(deed: Deed) -> Progress:
    """What the target says, asking a few times when it cannot be read."""
    problem = "it could not be read"
    for attempt in range(LOOK_TRIES):
        try:
            return await deed.progress()
        except ToolError as error:
            problem = str(error)
            await deed.context.clock.sleep(LOOK_SECONDS * (attempt + 1))
    return Progress(outcome=ActionOutcome.UNKNOWN, done=False, text=problem)


async def _follow(deed: Deed) -> Execution:
    """Tell how far it has come until the target system says that it is complete, or for as long as its own deadline."""
    clock, told = deed.context.clock, ""
    deadline = clock.now().timestamp() + FOLLOW_SECONDS
    while True:
        seen = await _seen(deed)
        if seen.text != told:
            told = seen.text
            async with deed.context.store.transaction() as tx:
                await executions.note_progress(tx, deed.row, seen.text)
                await tell(tx, deed, seen.text)
        if seen.done or seen.outcome is not ActionOutcome.HAPPENED or clock.now().timestamp() >= deadline:
            break
        await clock.sleep(LOOK_SECONDS)
    if seen.outcome is ActionOutcome.NOT_HAPPENED:
        return await settle(deed, ExecutionStatus.FAILED, f"somebody took it back: {seen.text}")
    ended = ExecutionStatus.UNDONE if deed.row.undo else ExecutionStatus.SUCCEEDED
    late = "" if seen.done else f"; not complete after {FOLLOW_SECONDS:.0f} s"
    return await settle(deed, ended, seen.text + late)


async def _current(deed: Deed) -> Execution:
    """The row as it stands: another executor has it."""
    async with deed.context.store.transaction() as tx:
        rows = await executions.executions_of(tx, deed.proposal.digest)
    return next(row for row in rows if row.index == deed.row.index and row.undo == deed.row.undo)


def finished(rows: tuple[Execution, ...]) -> bool:
    """Whether nothing more will happen by itself: all succeeded, or one ended otherwise."""
    own = [row for row in rows if not row.undo]
    return any(row.status in TERMINAL for row in own) or all(row.status is ExecutionStatus.SUCCEEDED for row in own)
