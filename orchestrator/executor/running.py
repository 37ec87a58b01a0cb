"""Runs an approved proposal: every action at most once, only as approved, only while its target is what was seen.

One action goes `approved -> dispatched` (committed) `-> succeeded | failed | unknown`, or `approved -> refused`. What a
dead process left `dispatched` is looked at before anything else is done; doing it again is a compare-and-swap against
the same fence, so that a late twin of the first attempt and the second cannot both succeed.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from agents.wording import duration
from incidents.action import ActionOutcome, Snapshot
from incidents.execution import TERMINAL, Execution, ExecutionStatus
from incidents.ids import ProposalDigest
from incidents.proposal import Proposal
from orchestrator.executor.context import ExecutorContext, Hands
from orchestrator.executor.deed import Book, Deed, RefusedError, WaitingError
from orchestrator.executor.late import LATE_LOOK_SECONDS, look_back
from orchestrator.executor.record import StoreBook
from orchestrator.jobs import Task, enqueue
from orchestrator.store import executions, proposals
from orchestrator.store.errors import StaleStateError
from orchestrator.store.locks import release_locks
from tools.action import Progress, WaitsFor
from tools.errors import ConflictError, PermanentError, ToolError

FOLLOW_SECONDS = 600.0
"""A rollout that is not complete after that long (Kubernetes' own deadline) is left to verification to judge."""
LOOK_SECONDS = 2.0
"""Between two looks at how far a change has come."""
SETTLE_SECONDS = 5.0
"""After a request without an answer, before looking whether it happened."""
WAIT_SECONDS = 30.0
"""Between two looks at a change that waits for people or pipelines."""
DELIVERY_SECONDS = 1800.0
"""A merge whose deploy was not seen for that long: from then on telemetry has to tell whether it helps."""
UNFINISHED = frozenset({ExecutionStatus.APPROVED, ExecutionStatus.DISPATCHED})
LOOK_TRIES = 5
"""Looks that may fail in a row before nobody can say whether it happened."""


async def run(context: ExecutorContext, digest: ProposalDigest) -> None:
    """Run the actions of a proposal in their order, or go on with them; then wake the graph.

    When undos are planned it is their turn, last action first: the approval of a proposal covers its undo.
    """
    async with context.store.transaction() as tx:
        proposal = (await proposals.proposal_by(tx, digest)).proposal
        rows = await executions.executions_of(tx, digest)
    book = StoreBook(context)
    if await _has_to_wait(context, book, proposal, rows):
        return
    ended = await run_rows(proposal, rows, hands=context, book=book)
    await look_back(proposal, rows, hands=context, book=book)
    now, incident = context.clock.now(), proposal.body.incident
    async with context.store.transaction() as tx:
        rows = await executions.executions_of(tx, digest)
        if any(row.status in UNFINISHED for row in ended):
            await enqueue(tx, Task.FOLLOW, incident, item=digest, run_at=now + timedelta(seconds=WAIT_SECONDS))
            return
        if finished(rows) and not any(row.status is ExecutionStatus.SUCCEEDED for row in rows):
            await release_locks(tx, incident)
        if any(row.may_be_late(now=now) for row in rows):
            await enqueue(tx, Task.FOLLOW, incident, item=digest, run_at=now + timedelta(seconds=LATE_LOOK_SECONDS))
        await enqueue(tx, Task.ADVANCE, incident)


async def _has_to_wait(
    context: ExecutorContext, book: StoreBook, proposal: Proposal, rows: Sequence[Execution]
) -> bool:
    """Whether another incident is changing what this one wants to: before its end nobody can say what will be there."""
    if not rows or any(row.status is not ExecutionStatus.APPROVED for row in rows):
        return False
    deed = Deed(hands=context, book=book, proposal=proposal, row=rows[0])
    if not (why := await book.waiting(deed)):
        return False
    await book.progress(deed, why)
    later = context.clock.now() + timedelta(seconds=WAIT_SECONDS)
    async with context.store.transaction() as tx:
        await enqueue(tx, Task.FOLLOW, proposal.body.incident, item=proposal.digest, run_at=later)
    return True


async def run_rows(proposal: Proposal, rows: Sequence[Execution], *, hands: Hands, book: Book) -> tuple[Execution, ...]:
    """Bring the rows whose turn it is to their ends: undos when there are any, else actions until one fails."""
    undos = [row for row in rows if row.undo]
    ended: list[Execution] = []
    for row in reversed(undos) if undos else rows:
        ended.append(await carry_out(Deed(hands=hands, book=book, proposal=proposal, row=row)))
        if not undos and ended[-1].status is not ExecutionStatus.SUCCEEDED:
            break
    return tuple(ended)


async def carry_out(deed: Deed) -> Execution:
    """Bring one row to its end, from wherever it stands."""
    match deed.row.status:
        case ExecutionStatus.APPROVED:
            return await _start(deed)
        case ExecutionStatus.DISPATCHED:
            return await _reconcile(deed)
        case _:
            return deed.row


async def _start(deed: Deed) -> Execution:
    reason = await _objection(deed)
    if reason is not None:
        return await deed.book.settle(deed, ExecutionStatus.REFUSED, reason)
    try:
        dispatched = await deed.book.dispatch(deed)
    except StaleStateError:
        return await deed.book.current(deed)
    except WaitingError as waiting:
        await deed.book.progress(deed, str(waiting))
        return deed.row
    except RefusedError as refused:
        return await deed.book.settle(deed, ExecutionStatus.REFUSED, str(refused))
    return await _do(deed.at(dispatched))


async def _objection(deed: Deed) -> str | None:
    """Look at the target itself: it has to be what the approver saw."""
    if deed.row.undo:
        return None
    action = deed.proposed
    try:
        now = await _captured(deed)
    except ToolError as error:
        return f"its target cannot be read as it was seen: {error}"
    differences = action.fence.differences(now.fence)
    return "its target changed since it was seen: " + "; ".join(differences) if differences else None


async def _captured(deed: Deed) -> Snapshot:
    """The target as it is now. Nothing was done yet: a system that is away for a moment costs no approval."""
    for attempt in range(1, LOOK_TRIES):
        try:
            return await deed.action.capture(deed.cluster, deed.proposed.request)
        except PermanentError:
            raise
        except ToolError as error:
            await deed.book.progress(deed, f"not begun, its target cannot be read: {error}")
            await deed.hands.clock.sleep(LOOK_SECONDS * attempt)
    return await deed.action.capture(deed.cluster, deed.proposed.request)


async def _do(deed: Deed) -> Execution:
    """The effect itself. The row is dispatched: whatever happens now, it is looked at, never blindly repeated."""
    request, snapshot = deed.proposed.request, deed.proposed.snapshot
    step = deed.action.undo if deed.row.undo else deed.action.apply
    try:
        await step(deed.cluster, request, snapshot, deed.row.key)
    except ConflictError as error:
        return await _conflict(deed, error)
    except PermanentError as error:
        return await deed.book.settle(deed, ExecutionStatus.FAILED, str(error))
    except ToolError:
        # The request may still be on its way inside the target system: give it time to land before looking.
        await deed.hands.clock.sleep(SETTLE_SECONDS)
        return await _look(deed, again=False)
    return await _follow(deed)


async def _conflict(deed: Deed, error: ConflictError) -> Execution:
    """The compare-and-swap did not hold: perhaps because an earlier attempt of this very action had done it."""
    if (await _seen(deed)).outcome is ActionOutcome.HAPPENED:
        return await _follow(deed)
    reason = f"its target changed at the last moment and nothing was done: {error}"
    return await deed.book.settle(deed, ExecutionStatus.REFUSED, reason)


async def _reconcile(deed: Deed) -> Execution:
    """A dead process left it dispatched: look whether it happened; if not, do it, once, by compare-and-swap."""
    return await _look(deed, again=True)


async def _look(deed: Deed, *, again: bool) -> Execution:
    seen = await _seen(deed)
    match seen.outcome:
        case ActionOutcome.HAPPENED:
            return await _follow(deed)
        case ActionOutcome.NOT_HAPPENED if again and not seen.done:
            return await _do_again(deed)
        case ActionOutcome.NOT_HAPPENED:
            return await deed.book.settle(deed, ExecutionStatus.FAILED, f"it did not happen: {seen.text}")
        case ActionOutcome.UNKNOWN:
            return await deed.book.settle(
                deed, ExecutionStatus.UNKNOWN, f"nobody could see whether it happened: {seen.text}"
            )
        case _:
            assert_never(seen.outcome)


async def _do_again(deed: Deed) -> Execution:
    reason = await deed.book.dispatch_again(deed)
    reason = reason or await _objection(deed)
    if reason is None:
        return await _do(deed)
    # The process that was taken for dead, or another successor, may have done it between the look and now: then the
    # target differs because of this very action.
    if (await _seen(deed)).outcome is ActionOutcome.HAPPENED:
        return await _follow(deed)
    return await deed.book.settle(deed, ExecutionStatus.REFUSED, reason)


async def _seen(deed: Deed) -> Progress:
    """What the target says, asking a few times when it cannot be read."""
    problem = "it could not be read"
    for attempt in range(LOOK_TRIES):
        try:
            return await deed.progress()
        except ToolError as error:
            problem = str(error)
            await deed.hands.clock.sleep(LOOK_SECONDS * (attempt + 1))
    return Progress(outcome=ActionOutcome.UNKNOWN, done=False, text=problem)


async def _follow(deed: Deed) -> Execution:
    """Tell how far it has come until the target system says that it is complete, or for as long as its own deadline."""
    clock, told = deed.hands.clock, ""
    deadline = clock.now().timestamp() + FOLLOW_SECONDS
    while True:
        seen = await _seen(deed)
        if seen.text != told:
            told = seen.text
            await deed.book.progress(deed, seen.text)
        if seen.waits_for is not None:
            return await _waiting(deed, seen, for_whom=seen.waits_for)
        if seen.done or seen.outcome is not ActionOutcome.HAPPENED or clock.now().timestamp() >= deadline:
            break
        await clock.sleep(LOOK_SECONDS)
    if seen.outcome is ActionOutcome.NOT_HAPPENED:
        return await deed.book.settle(deed, ExecutionStatus.FAILED, f"somebody took it back: {seen.text}")
    ended = ExecutionStatus.UNDONE if deed.row.undo else ExecutionStatus.SUCCEEDED
    late = "" if seen.done or clock.now().timestamp() < deadline else f"; not complete after {FOLLOW_SECONDS:.0f} s"
    return await deed.book.settle(deed, ended, seen.text + late)


async def _waiting(deed: Deed, seen: Progress, *, for_whom: WaitsFor) -> Execution:
    """Leave it dispatched, to be looked at again later; what waited for too long is ended, and people are told."""
    now = deed.hands.clock.now()
    waited = (now - (seen.since or deed.row.dispatched_at or now)).total_seconds()
    match for_whom:
        case WaitsFor.PERSON if waited >= deed.hands.merge_seconds:
            text = f"it has not taken effect: {seen.text} (nobody did within {duration(deed.hands.merge_seconds)})"
            return await deed.book.settle(deed, ExecutionStatus.FAILED, text)
        case WaitsFor.DELIVERY if waited >= DELIVERY_SECONDS:
            text = f"{seen.text} after {duration(DELIVERY_SECONDS)}: telemetry has to tell"
            return await deed.book.settle(deed, ExecutionStatus.SUCCEEDED, text)
        case _:
            return await deed.book.current(deed)


def finished(rows: tuple[Execution, ...]) -> bool:
    """Whether nothing more will happen by itself: all succeeded, or one ended otherwise."""
    own = [row for row in rows if not row.undo]
    return any(row.status in TERMINAL for row in own) or all(row.status is ExecutionStatus.SUCCEEDED for row in own)
