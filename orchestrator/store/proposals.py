"""Proposals by digest, and the conditional changes of their status."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.ids import IncidentId, PersonId, ProposalDigest
from incidents.proposal import Proposal, ProposalStatus
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.errors import StaleStateError, UnknownError
from orchestrator.store.transaction import Tx


class ProposalRow(Row, table=True):
    """One proposal. The document keeps its text byte for byte, because the digest covers it."""

    __tablename__ = "proposal"

    digest: ProposalDigest = columns.text(key=True)
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    status: ProposalStatus = columns.word(ProposalStatus, index=True)
    document: Proposal = columns.document(Proposal, sealed=True)
    requested_by: PersonId | None = columns.text(null=True)
    """The person who asked for exactly this (an edited proposal); they do not approve it themselves."""
    created_at: datetime = columns.moment()
    expires_at: datetime = columns.moment(index=True)
    decided_at: datetime | None = columns.moment(null=True)


class StoredProposal(Value):
    """A proposal and where it stands."""

    proposal: Proposal
    status: ProposalStatus
    requested_by: PersonId | None = None
    decided_at: datetime | None = None


async def save_proposal(
    tx: Tx, proposal: Proposal, *, status: ProposalStatus = ProposalStatus.PENDING, requested_by: PersonId | None = None
) -> bool:
    """Store it; False when exactly this was stored before (its status is left alone then)."""
    statement = (
        insert(ProposalRow)
        .values(
            digest=proposal.digest,
            incident_id=proposal.body.incident,
            status=status,
            document=proposal,
            requested_by=requested_by,
            created_at=proposal.body.created_at,
            expires_at=proposal.body.expires_at,
        )
        .on_conflict_do_nothing()
        .returning(col(ProposalRow.digest))
    )
    return (await tx.execute(statement)).first() is not None


async def proposal_by(tx: Tx, digest: ProposalDigest, *, lock: bool = False) -> StoredProposal:
    """The proposal of a digest; `lock` holds its row until the transaction ends. Raises UnknownError."""
    query = select(ProposalRow).where(col(ProposalRow.digest) == digest)
    row = (await tx.scalars(query.with_for_update() if lock else query)).first()
    if row is None:
        raise UnknownError(f"there is no proposal {digest}")
    return _stored(row)


async def proposal_like(tx: Tx, beginning: str) -> StoredProposal:
    """The one proposal whose digest begins like that, with or without `sha256:`. Raises UnknownError."""
    digits = beginning.removeprefix("sha256:")
    query = select(ProposalRow).where(col(ProposalRow.digest).startswith(f"sha256:{digits}", autoescape=True)).limit(2)
    rows = (await tx.scalars(query)).all()
    if len(rows) != 1:
        raise UnknownError(f"{'several proposals begin' if rows else 'no proposal begins'} with {beginning}")
    return _stored(rows[0])


async def proposals_of(tx: Tx, incident: IncidentId) -> tuple[StoredProposal, ...]:
    """All proposals of an incident, oldest first; of two from the same moment, the one that replaces the other last."""
    rows = (await tx.scalars(select(ProposalRow).where(col(ProposalRow.incident_id) == incident))).all()
    before = {row.digest: row.document.body.supersedes for row in rows}
    ordered = sorted(rows, key=lambda row: (row.created_at, _generation(row.digest, before), row.digest))
    return tuple(_stored(row) for row in ordered)


def _generation(digest: ProposalDigest, before: Mapping[ProposalDigest, ProposalDigest | None]) -> int:
    """How many proposals stood in its place before it."""
    found = 0
    while (earlier := before.get(digest)) is not None and found < len(before):
        digest, found = earlier, found + 1
    return found


async def proposal_of(tx: Tx, incident: IncidentId) -> StoredProposal | None:
    """The newest proposal of an incident; None before the first."""
    found = await proposals_of(tx, incident)
    return found[-1] if found else None


async def pending_proposals(tx: Tx, *, expired_at: datetime | None = None) -> tuple[StoredProposal, ...]:
    """Proposals that wait for a decision, soonest to expire first.

    Only those already expired at that time, when given.
    """
    query = select(ProposalRow).where(col(ProposalRow.status) == ProposalStatus.PENDING)
    if expired_at is not None:
        query = query.where(col(ProposalRow.expires_at) <= expired_at)
    rows = await tx.scalars(query.order_by(col(ProposalRow.expires_at)))
    return tuple(_stored(row) for row in rows)


async def set_proposal_status(
    tx: Tx, digest: ProposalDigest, *, to: ProposalStatus, sources: Sequence[ProposalStatus], now: datetime
) -> None:
    """Change the status from one of `sources`. Raises StaleStateError when it stands elsewhere by now."""
    moved = await tx.execute(
        update(ProposalRow)
        .where(col(ProposalRow.digest) == digest, col(ProposalRow.status).in_(list(sources)))
        .values(status=to, decided_at=now)
        .returning(col(ProposalRow.digest))
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        raise StaleStateError(f"proposal {digest} is no longer {' or '.join(sources)}: it cannot become {to}")


def _stored(row: ProposalRow) -> StoredProposal:
    return StoredProposal(
        proposal=row.document, status=row.status, requested_by=row.requested_by, decided_at=row.decided_at
    )
