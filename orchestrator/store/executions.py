"""What was really done, one row per action of an approved proposal. A row moves forward only, by conditional update.

`approved -> dispatched` is committed before the effect; from then on nobody starts it again, only looks whether it
happened.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, UniqueConstraint, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.canonical import digest_of, short
from incidents.execution import TERMINAL, Execution, ExecutionStatus
from incidents.ids import IncidentId, ProposalDigest
from incidents.proposal import Proposal
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.errors import StaleStateError
from orchestrator.store.transaction import Tx


class ExecutionRow(Row, table=True):
    """One action, or the undo of one."""

    __tablename__ = "execution"
    __table_args__ = (UniqueConstraint("key"),)

    digest: ProposalDigest = columns.text(key=True, to="proposal.digest")
    position: int = columns.small(key=True)
    undo: bool = columns.flag(key=True)
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    key: str = columns.text()
    status: ExecutionStatus = columns.word(ExecutionStatus, index=True)
    detail: str = columns.text()
    progress: str = columns.text()
    """How far it has come, as the target system says: `4/6 ready`."""
    approved_at: datetime = columns.moment()
    dispatched_at: datetime | None = columns.moment(null=True)
    ended_at: datetime | None = columns.moment(null=True)


def execution_key(digest: ProposalDigest, index: int, *, undo: bool = False) -> str:
    """The idempotency key of one action.

    Written onto the object that it changes, so that `observe` can recognise it.
    """
    return "mw-" + short(digest_of({"digest": digest, "index": index, "undo": undo}))


async def plan_executions(tx: Tx, proposal: Proposal, *, now: datetime) -> tuple[Execution, ...]:
    """One `approved` row per action; rows that are there already stay as they are."""
    rows = [_values(proposal, index, undo=False, now=now) for index in range(len(proposal.body.actions))]
    await tx.execute(insert(ExecutionRow).on_conflict_do_nothing(), rows)
    return await executions_of(tx, proposal.digest)


async def plan_undo(tx: Tx, proposal: Proposal, *, index: int, now: datetime) -> Execution:
    """The `approved` row of the undo of one action: undoing is covered by the approval of the proposal."""
    await tx.execute(insert(ExecutionRow).on_conflict_do_nothing(), [_values(proposal, index, undo=True, now=now)])
    return next(e for e in await executions_of(tx, proposal.digest) if e.undo and e.index == index)


async def executions_of(tx: Tx, digest: ProposalDigest) -> tuple[Execution, ...]:
    """The rows of a proposal: actions in order, then undos in order."""
    query = select(ExecutionRow).where(col(ExecutionRow.digest) == digest)
    rows = await tx.scalars(query.order_by(col(ExecutionRow.undo), col(ExecutionRow.position)))
    return tuple(_execution(row) for row in rows)


async def unfinished_executions(tx: Tx) -> tuple[Execution, ...]:
    """Rows that are approved or dispatched, oldest first: what the executor starts or reconciles."""
    wanted = (ExecutionStatus.APPROVED, ExecutionStatus.DISPATCHED)
    query = select(ExecutionRow).where(col(ExecutionRow.status).in_(wanted)).order_by(col(ExecutionRow.approved_at))
    return tuple(_execution(row) for row in await tx.scalars(query))


async def set_execution_status(
    tx: Tx,
    execution: Execution,
    *,
    to: ExecutionStatus,
    now: datetime,
    detail: str = "",
    sources: Sequence[ExecutionStatus] = (),
) -> Execution:
    """Move a row forward from the status it was read with (or from one of `sources`). Raises StaleStateError."""
    ended = to in TERMINAL or to is ExecutionStatus.SUCCEEDED
    values: dict[str, Any] = {"status": to, "detail": detail or execution.detail}
    values |= {"dispatched_at": now} if to is ExecutionStatus.DISPATCHED else {}
    values |= {"ended_at": now} if ended else {}
    moved = await tx.execute(
        update(ExecutionRow)
        .where(*_same(execution), col(ExecutionRow.status).in_(list(sources) or [execution.status]))
        .values(**values)
        .returning(col(ExecutionRow.key))
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        raise StaleStateError(f"execution {execution.key} is no longer {execution.status}: it cannot become {to}")
    return await _read(tx, execution)


async def refuse_rest(tx: Tx, execution: Execution, *, now: datetime, detail: str) -> tuple[Execution, ...]:
    """Refuse the actions behind one that ended badly, so that none of them is ever begun; those that had not begun."""
    ended = {"status": ExecutionStatus.REFUSED, "detail": detail, "ended_at": now}
    moved = await tx.execute(
        update(ExecutionRow)
        .where(
            col(ExecutionRow.digest) == execution.digest,
            col(ExecutionRow.position) > execution.index,
            col(ExecutionRow.undo).is_(False),
            col(ExecutionRow.status) == ExecutionStatus.APPROVED,
        )
        .values(**ended)
        .returning(col(ExecutionRow.position))
        .execution_options(synchronize_session=False)
    )
    places = set(moved.scalars())
    return tuple(row for row in await executions_of(tx, execution.digest) if not row.undo and row.index in places)


async def note_progress(tx: Tx, execution: Execution, progress: str) -> bool:
    """Note how far a dispatched action has come; whether that is news."""
    text = columns.storable(progress)
    moved = await tx.execute(
        update(ExecutionRow)
        .where(*_same(execution), col(ExecutionRow.progress) != text)
        .values(progress=text)
        .returning(col(ExecutionRow.key))
        .execution_options(synchronize_session=False)
    )
    return moved.first() is not None


async def progress_of(tx: Tx, digest: ProposalDigest) -> dict[tuple[int, bool], str]:
    """(index, undo) -> how far it has come."""
    query = select(ExecutionRow).where(col(ExecutionRow.digest) == digest)
    return {(row.position, row.undo): row.progress for row in await tx.scalars(query)}


async def _read(tx: Tx, execution: Execution) -> Execution:
    return _execution((await tx.scalars(select(ExecutionRow).where(*_same(execution)))).one())


def _same(execution: Execution) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ExecutionRow.digest) == execution.digest,
        col(ExecutionRow.position) == execution.index,
        col(ExecutionRow.undo) == execution.undo,
    )


def _values(proposal: Proposal, index: int, *, undo: bool, now: datetime) -> dict[str, object]:
    return {
        "digest": proposal.digest,
        "position": index,
        "undo": undo,
        "incident_id": proposal.body.incident,
        "key": execution_key(proposal.digest, index, undo=undo),
        "status": ExecutionStatus.APPROVED,
        "detail": "",
        "progress": "",
        "approved_at": now,
    }


def _execution(row: ExecutionRow) -> Execution:
    return Execution(
        digest=row.digest,
        index=row.position,
        key=row.key,
        status=row.status,
        undo=row.undo,
        detail=row.detail,
        approved_at=row.approved_at,
        dispatched_at=row.dispatched_at,
        ended_at=row.ended_at,
    )
