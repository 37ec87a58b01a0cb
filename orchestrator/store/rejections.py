"""What people rejected, for as long as it stands against later proposals. The rule is `incidents.rejection`."""

from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.ids import CauseSlug, EntityId, IncidentId, ProposalDigest
from incidents.rejection import Lifted, Rejection
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.errors import StaleStateError
from orchestrator.store.transaction import Tx


class RejectionRow(Row, table=True):
    """One rejected proposal."""

    __tablename__ = "rejection"

    digest: ProposalDigest = columns.text(key=True, to="proposal.digest")
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    cause: CauseSlug = columns.text()
    entity: EntityId = columns.text(index=True)
    until: datetime | None = columns.moment(null=True)
    lifted_at: datetime | None = columns.moment(null=True)
    document: Rejection = columns.document(Rejection, sealed=True)


async def save_rejection(tx: Tx, rejection: Rejection) -> None:
    """Remember it; the first one of a proposal stands."""
    statement = insert(RejectionRow).values(
        digest=rejection.digest,
        incident_id=rejection.incident,
        cause=rejection.cause,
        entity=rejection.entity,
        until=rejection.until,
        document=rejection,
    )
    await tx.execute(statement.on_conflict_do_nothing())


async def rejections_about(tx: Tx, *, cause: CauseSlug, entity: EntityId, now: datetime) -> tuple[Rejection, ...]:
    """What still counts for a cause at an entity, newest first."""
    query = select(RejectionRow).where(
        col(RejectionRow.cause) == cause,
        col(RejectionRow.entity) == entity,
        col(RejectionRow.lifted_at).is_(None),
        or_(col(RejectionRow.until).is_(None), col(RejectionRow.until) > now),
    )
    found = [row.document for row in await tx.scalars(query)]
    return tuple(sorted(found, key=lambda rejection: rejection.at, reverse=True))


async def rejections_in(tx: Tx, incident: IncidentId) -> tuple[Rejection, ...]:
    """What was rejected in an incident, newest first, lifted or not."""
    rows = await tx.scalars(select(RejectionRow).where(col(RejectionRow.incident_id) == incident))
    return tuple(sorted((row.document for row in rows), key=lambda rejection: rejection.at, reverse=True))


async def rejections(tx: Tx, *, active_at: datetime | None = None) -> tuple[Rejection, ...]:
    """All of them, newest first; only those that count at a time, when it is given."""
    found = [row.document for row in await tx.scalars(select(RejectionRow))]
    kept = [r for r in found if active_at is None or r.active(active_at)]
    return tuple(sorted(kept, key=lambda rejection: rejection.at, reverse=True))


async def rejection_on(tx: Tx, digest: ProposalDigest) -> Rejection | None:
    """What is remembered of a proposal; None when it was not rejected."""
    row = await tx.get(RejectionRow, digest)
    return None if row is None else row.document


async def lift_rejection(tx: Tx, rejection: Rejection, lifted: Lifted) -> Rejection:
    """Let it no longer count. Raises StaleStateError when somebody lifted it already."""
    after = rejection.model_copy(update={"lifted": lifted})
    moved = await tx.execute(
        update(RejectionRow)
        .where(col(RejectionRow.digest) == rejection.digest, col(RejectionRow.lifted_at).is_(None))
        .values(lifted_at=lifted.at, document=after)
        .returning(col(RejectionRow.digest))
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        raise StaleStateError(f"the rejection {rejection.id} is lifted already: it no longer stands in the way")
    return after
