"""What became of proposals, graded: verified, undone, escalated, unknown or rejected (`incidents.autonomy`)."""

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import col, select

from incidents.autonomy import Grade, Graded, change_class
from incidents.execution import WITHOUT_EFFECT, ExecutionStatus
from incidents.ids import ProposalDigest
from incidents.proposal import Proposal, ProposalStatus
from incidents.verification import Outcome
from orchestrator.store.executions import ExecutionRow
from orchestrator.store.proposals import ProposalRow
from orchestrator.store.transaction import Tx
from orchestrator.store.verifications import VerificationRow

GRADES = {Outcome.VERIFIED: Grade.VERIFIED, Outcome.UNDONE: Grade.UNDONE, Outcome.ESCALATED: Grade.ESCALATED}


async def graded_since(tx: Tx, since: datetime) -> tuple[Graded, ...]:
    """Every graded action of proposals that were made since then.

    What was refused before it ran, and what the target system did not take, changed nothing and is not graded.
    """
    return (*await _verified(tx, since), *await _rejected(tx, since), *await _unknown(tx, since))


async def _verified(tx: Tx, since: datetime) -> tuple[Graded, ...]:
    query = (
        select(col(ProposalRow.document), col(VerificationRow.document))
        .join(VerificationRow, col(VerificationRow.digest) == col(ProposalRow.digest))
        .where(col(ProposalRow.created_at) > since)
    )
    rows = (await tx.execute(query)).all()
    ended = await _without_effect(tx, since)
    found: list[Graded] = []
    for proposal, verification in rows:
        graded = _actions(proposal, GRADES[verification.outcome], at=verification.ended_at)
        for index, item in enumerate(graded):
            match ended.get((proposal.digest, index)):
                case None:
                    found.append(item)
                case ExecutionStatus.UNKNOWN:
                    found.append(item.model_copy(update={"grade": Grade.UNKNOWN}))
                case _:
                    pass
    return tuple(found)


async def _without_effect(tx: Tx, since: datetime) -> dict[tuple[ProposalDigest, int], ExecutionStatus]:
    """Actions that were not done, or nobody knows, although others of their proposal were: by digest and index."""
    query = (
        select(ExecutionRow)
        .join(ProposalRow, col(ProposalRow.digest) == col(ExecutionRow.digest))
        .where(
            col(ProposalRow.created_at) > since,
            col(ExecutionRow.status).in_(list(WITHOUT_EFFECT)),
            col(ExecutionRow.undo).is_(False),
        )
    )
    return {(row.digest, row.position): row.status for row in await tx.scalars(query)}


async def _rejected(tx: Tx, since: datetime) -> tuple[Graded, ...]:
    query = select(ProposalRow).where(
        col(ProposalRow.created_at) > since, col(ProposalRow.status) == ProposalStatus.REJECTED
    )
    found: list[Graded] = []
    for row in await tx.scalars(query):
        found += _actions(row.document, Grade.REJECTED, at=row.decided_at or row.created_at)
    return tuple(found)


async def _unknown(tx: Tx, since: datetime) -> tuple[Graded, ...]:
    """Actions of which nobody could see whether they happened, so that there was nothing to verify either."""
    query = (
        select(ExecutionRow, col(ProposalRow.document))
        .join(ProposalRow, col(ProposalRow.digest) == col(ExecutionRow.digest))
        .outerjoin(VerificationRow, col(VerificationRow.digest) == col(ExecutionRow.digest))
        .where(
            col(ProposalRow.created_at) > since,
            col(ExecutionRow.status) == ExecutionStatus.UNKNOWN,
            col(ExecutionRow.undo).is_(False),
            col(VerificationRow.digest).is_(None),
        )
    )
    found: list[Graded] = []
    for row, proposal in (await tx.execute(query)).all():
        found += list(_actions(proposal, Grade.UNKNOWN, at=row.ended_at or row.approved_at))[row.position :][:1]
    return tuple(found)


def _actions(proposal: Proposal, grade: Grade, *, at: datetime) -> Iterator[Graded]:
    for action in proposal.body.actions:
        change = change_class(action.request.kind, proposal.body.cause, action.request.target)
        yield Graded(change=change, grade=grade, at=at, proposal=proposal.digest)
