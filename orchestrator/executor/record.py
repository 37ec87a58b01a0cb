"""How the end of an action is written: status, ledger and timeline in one transaction, or not at all."""

from incidents.execution import Execution, ExecutionStatus
from incidents.incident import EventKind
from incidents.ledger import EntryKind
from incidents.proposal import ProposalStatus
from orchestrator.executor.deed import Deed
from orchestrator.store import executions, proposals
from orchestrator.store.errors import StaleStateError
from orchestrator.store.ledger import record
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx

_KINDS = {
    ExecutionStatus.SUCCEEDED: EntryKind.EXECUTED,
    ExecutionStatus.FAILED: EntryKind.FAILED,
    ExecutionStatus.UNKNOWN: EntryKind.UNKNOWN,
    ExecutionStatus.REFUSED: EntryKind.EXECUTION_REFUSED,
    ExecutionStatus.UNDONE: EntryKind.UNDONE,
}
_WORDS = {
    ExecutionStatus.SUCCEEDED: "done",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.UNKNOWN: "unknown",
    ExecutionStatus.REFUSED: "not run",
    ExecutionStatus.UNDONE: "undone",
}


async def settle(deed: Deed, status: ExecutionStatus, detail: str) -> Execution:
    """End a row. When another executor ended it meanwhile, that end stands and is returned."""
    now = deed.context.clock.now()
    try:
        async with deed.context.store.transaction() as tx:
            row = await executions.set_execution_status(tx, deed.row, to=status, now=now, detail=detail)
            payload = deed.payload() | {"status": status.value, "detail": detail}
            record(tx, kind=_KINDS[status], incident=deed.incident, actor="executor", at=now, payload=payload)
            await tell(tx, deed, f"{_WORDS[status]}: {detail}")
            if status is ExecutionStatus.SUCCEEDED:
                await _executed(tx, deed)
    except StaleStateError:
        async with deed.context.store.transaction() as tx:
            rows = await executions.executions_of(tx, deed.proposal.digest)
        return next(row for row in rows if row.index == deed.row.index and row.undo == deed.row.undo)
    return row


async def tell(tx: Tx, deed: Deed, text: str) -> None:
    """A line in the incident's story."""
    await append_event(
        tx,
        deed.incident,
        kind=EventKind.EXECUTION,
        actor="executor",
        text=text,
        at=deed.context.clock.now(),
        refs=(deed.proposal.digest,),
        data={"index": deed.row.index, "undo": deed.row.undo},
    )


async def _executed(tx: Tx, deed: Deed) -> None:
    if deed.row.index == len(deed.proposal.body.actions) - 1:
        sources = (ProposalStatus.APPROVED, ProposalStatus.EXECUTED)
        await proposals.set_proposal_status(
            tx, deed.proposal.digest, to=ProposalStatus.EXECUTED, sources=sources, now=deed.context.clock.now()
        )
