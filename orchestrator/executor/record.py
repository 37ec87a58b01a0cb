"""The executor's book in the database: status, ledger and timeline in one transaction, or not at all."""

from collections.abc import Sequence
from typing import cast

from incidents.action import name_of
from incidents.approval import Decision
from incidents.canonical import Json, digest_of
from incidents.execution import HAPPENED, TERMINAL, WITHOUT_EFFECT, Execution, ExecutionStatus
from incidents.ids import Digest
from incidents.incident import EventKind
from incidents.ledger import EntryKind, problems
from incidents.policy import Findings
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.executor import gate
from orchestrator.executor.asking import asked_again, ruling_now
from orchestrator.executor.context import ExecutorContext
from orchestrator.executor.deed import Deed, RefusedError, WaitingError
from orchestrator.executor.moment import latest
from orchestrator.store import executions, proposals
from orchestrator.store.control import switch_of
from orchestrator.store.decisions import decisions_on
from orchestrator.store.errors import StaleStateError
from orchestrator.store.instructions import hands_off
from orchestrator.store.ledger import entries, record
from orchestrator.store.locks import Held, holder_of, take_locks
from orchestrator.store.standing import give_back, lock_standing, use
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

EARLIER = "an earlier action of this proposal did not succeed"


class StoreBook:
    """What every executor of an installation writes into."""

    def __init__(self, context: ExecutorContext) -> None:
        self._context = context

    async def dispatch(self, deed: Deed) -> Execution:
        """Ask the gate and commit `dispatched`, both under the lock of the proposal's row."""
        now = deed.hands.clock.now()
        outside = await asked_again(self._context.store, deed)
        async with self._context.store.transaction() as tx:
            reason = await _gate(tx, deed, outside=outside)
            if reason is not None:
                raise RefusedError(reason)
            if held := await _taken(tx, deed):
                raise WaitingError(held)
            row = await executions.set_execution_status(tx, deed.row, to=ExecutionStatus.DISPATCHED, now=now)
            kind = EntryKind.UNDO_DISPATCHED if row.undo else EntryKind.DISPATCHED
            used = await _use(tx, deed)
            record(tx, kind=kind, incident=deed.incident, actor="executor", at=now, payload=deed.payload() | used)
            await _tell(tx, deed, deed.beginning)
        return row

    async def waiting(self, deed: Deed) -> str:
        """For which other incident it has to wait, in words for people; empty when it has not to. Takes nothing."""
        async with self._context.store.transaction() as tx:
            return _waits_for(await holder_of(tx, deed.reach, but=deed.incident))

    async def dispatch_again(self, deed: Deed) -> str | None:
        """Write that it is done again, by compare-and-swap, after a process that died."""
        outside = await asked_again(self._context.store, deed)
        async with self._context.store.transaction() as tx:
            reason = await _gate(tx, deed, outside=outside)
            if reason is None:
                note = "a process died; looked: it had not happened; done by compare-and-swap"
                kind = EntryKind.UNDO_DISPATCHED if deed.row.undo else EntryKind.DISPATCHED
                now, payload = deed.hands.clock.now(), deed.payload() | {"note": note}
                record(tx, kind=kind, incident=deed.incident, actor="executor", at=now, payload=payload)
        return reason

    async def progress(self, deed: Deed, text: str) -> None:
        """A note on the row and a line in the incident's story."""
        async with self._context.store.transaction() as tx:
            if await executions.note_progress(tx, deed.row, text):
                await _tell(tx, deed, text)

    async def settle(self, deed: Deed, status: ExecutionStatus, detail: str) -> Execution:
        """End a row."""
        now = deed.hands.clock.now()
        try:
            async with self._context.store.transaction() as tx:
                row = await executions.set_execution_status(tx, deed.row, to=status, now=now, detail=detail)
                payload = deed.payload() | {"status": status.value, "detail": detail} | await _freed(tx, deed, status)
                record(tx, kind=_KINDS[status], incident=deed.incident, actor="executor", at=now, payload=payload)
                await _tell(tx, deed, f"{_WORDS[status]}: {detail}")
                if status is ExecutionStatus.SUCCEEDED:
                    await _executed(tx, deed)
                if status in TERMINAL and not row.undo:
                    await _refuse_rest(tx, deed.at(row))
        except StaleStateError:
            found = await self.current(deed)
            if status in HAPPENED and found.status in WITHOUT_EFFECT:
                return await self.happened_after_all(
                    deed.at(found), status, f"{detail} (this executor had been taken for dead: {found.detail})"
                )
            return found
        return row

    async def happened_after_all(self, deed: Deed, status: ExecutionStatus, detail: str) -> Execution:
        """Put a row right that was settled before its request arrived.

        What followed from it was decided and stays; but nobody is to believe that nothing was done.
        """
        now, before = deed.hands.clock.now(), deed.row.status
        try:
            async with self._context.store.transaction() as tx:
                row = await executions.set_execution_status(tx, deed.row, to=status, now=now, detail=detail)
                payload = deed.payload() | {"status": status.value, "detail": detail, "settled_as": before.value}
                payload |= await _use(tx, deed)
                record(tx, kind=_KINDS[status], incident=deed.incident, actor="executor", at=now, payload=payload)
                await _tell(tx, deed, f"it happened after all, although it was settled as {before}: {detail}")
        except StaleStateError:
            return await self.current(deed)
        return row

    async def current(self, deed: Deed) -> Execution:
        """The row as it stands: another executor has it."""
        async with self._context.store.transaction() as tx:
            rows = await executions.executions_of(tx, deed.proposal.digest)
        return next(row for row in rows if row.index == deed.row.index and row.undo == deed.row.undo)


async def _gate(tx: Tx, deed: Deed, *, outside: Findings | None) -> str | None:
    """Everything is read anew, in the transaction that writes `dispatched`: what the deed holds may be old."""
    stored = await proposals.proposal_by(tx, deed.proposal.digest, lock=True)
    paused = (await switch_of(tx)).paused
    decisions = await _on_record(tx, stored.proposal)
    if isinstance(decisions, str):
        return decisions
    if deed.row.undo:
        rows = await executions.executions_of(tx, deed.proposal.digest)
        done = next((row.status for row in rows if row.index == deed.row.index and not row.undo), None)
        return gate.undo_objection(stored.proposal, done=done, decisions=decisions, paused=paused)
    touched = deed.proposed.blast_radius.touched(deed.proposed.request.target)
    spoken = await hands_off(tx, deed.incident, touched) or await _out_of_turn(tx, deed)
    if spoken:
        return spoken
    started = deed.row.index > 0
    status = ProposalStatus.APPROVED if started and stored.status is ProposalStatus.EXECUTED else stored.status
    before = [(await proposals.proposal_by(tx, one.of)).proposal for one in stored.proposal.body.narrowings]
    spoken = gate.refused_actions(stored.proposal) or gate.wider(stored.proposal, before)
    return spoken or gate.objection(
        stored.proposal,
        status=status,
        decisions=decisions,
        policy=deed.hands.policy.version,
        paused=paused,
        now=await latest(tx, deed.hands.clock),
        started=started,
        ruling=await ruling_now(tx, deed, stored.proposal, outside=outside),
        requested_by=stored.requested_by,
    )


async def _out_of_turn(tx: Tx, deed: Deed) -> str | None:
    """Why it is not this action's turn: what comes before it has to have been done, by the record."""
    rows = await executions.executions_of(tx, deed.proposal.digest)
    done = {row.index for row in rows if not row.undo and row.status is ExecutionStatus.SUCCEEDED}
    return None if done >= set(range(deed.row.index)) else EARLIER


async def _refuse_rest(tx: Tx, deed: Deed) -> None:
    """End what comes after an action that ended badly: people have it now, and nothing goes on behind their backs."""
    now = deed.hands.clock.now()
    for row in await executions.refuse_rest(tx, deed.row, now=now, detail=EARLIER):
        rest = deed.at(row)
        payload = rest.payload() | {"status": row.status.value, "detail": row.detail}
        record(tx, kind=_KINDS[row.status], incident=rest.incident, actor="executor", at=now, payload=payload)
        await _tell(tx, rest, f"{_WORDS[row.status]}: {rest.proposed.summary} ({row.detail})")


async def _on_record(tx: Tx, proposal: Proposal) -> Sequence[Decision] | str:
    """The decisions on it that the ledger holds word for word (invariant 3), or why one of them cannot count."""
    decisions = await decisions_on(tx, proposal.digest)
    written: set[Digest] = set()
    async for entry in entries(tx, incident=proposal.body.incident):
        if entry.kind is EntryKind.DECIDED and not any(problems(entry, previous=entry.previous, expected=entry.seq)):
            written.add(digest_of(cast("Json", entry.payload.get("decision"))))
    missing = [one for one in decisions if digest_of(one.model_dump(mode="json")) not in written]
    if missing:
        names = ", ".join(sorted(one.person.name for one in missing))
        return f"the ledger does not hold the decision of {names} as it stands in the database"
    return decisions


async def _use(tx: Tx, deed: Deed) -> dict[str, Json]:
    """Use up the pre-approvals that stand in the place of clicks: once for a proposal, never for an undo."""
    signed = () if deed.row.undo else deed.proposal.body.policy.preapprovals
    if not signed:
        return {}
    await lock_standing(tx)
    await use(tx, signed, deed.proposal.digest, now=deed.hands.clock.now())
    return {"preapprovals": [one.name for one in signed]}


async def _freed(tx: Tx, deed: Deed, status: ExecutionStatus) -> dict[str, Json]:
    """Give the pre-approvals back when nothing of the proposal was done: it was refused at its first action.

    What the target system refused, or nobody could see, stays used: it is not to be tried for ever without a click.
    """
    if status is not ExecutionStatus.REFUSED or deed.row.undo or deed.row.index:
        return {}
    await lock_standing(tx)
    freed = await give_back(tx, deed.proposal.digest)
    return {"preapprovals_freed": list(freed)} if freed else {}


async def _taken(tx: Tx, deed: Deed) -> str:
    """Take everything that the proposal reaches; the words for people when another incident has a part of it."""
    now = deed.hands.clock.now()
    held = await take_locks(tx, deed.reach, incident=deed.incident, digest=deed.proposal.digest, now=now)
    return _waits_for(held)


def _waits_for(held: Held | None) -> str:
    if held is None:
        return ""
    return f"waits for {held.incident}, which changes {', '.join(name_of(entity) for entity in held.entities)}"


async def _tell(tx: Tx, deed: Deed, text: str) -> None:
    """A line in the incident's story."""
    await append_event(
        tx,
        deed.incident,
        kind=EventKind.EXECUTION,
        actor="executor",
        text=text,
        at=deed.hands.clock.now(),
        refs=(deed.proposal.digest,),
        data={"index": deed.row.index, "undo": deed.row.undo},
    )


async def _executed(tx: Tx, deed: Deed) -> None:
    if deed.row.index == len(deed.proposal.body.actions) - 1:
        sources = (ProposalStatus.APPROVED, ProposalStatus.EXECUTED)
        await proposals.set_proposal_status(
            tx, deed.proposal.digest, to=ProposalStatus.EXECUTED, sources=sources, now=deed.hands.clock.now()
        )
