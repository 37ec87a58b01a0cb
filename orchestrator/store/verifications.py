"""What telemetry said after an execution: measurements as they were read, and the verdict."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.ids import EvidenceId, IncidentId, ProposalDigest
from incidents.verification import Measurement, Outcome, Verification
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class MeasurementRow(Row, table=True):
    """One value of one check at one time."""

    __tablename__ = "measurement"

    digest: ProposalDigest = columns.text(key=True, to="proposal.digest")
    position: int = columns.small(key=True)
    """Index into the proposal's checks."""
    at: datetime = columns.moment(key=True)
    value: float | None = columns.real(null=True)
    evidence: EvidenceId | None = columns.text(null=True)
    note: str = columns.text()


class VerificationRow(Row, table=True):
    """The verdict of one execution; the first one stands."""

    __tablename__ = "verification"

    digest: ProposalDigest = columns.text(key=True, to="proposal.digest")
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    outcome: Outcome = columns.word(Outcome)
    document: Verification = columns.document(Verification)


async def add_measurements(tx: Tx, digest: ProposalDigest, measurements: Sequence[Measurement]) -> None:
    """Store measurements; the same check at the same time is stored once."""
    rows = [
        {"digest": digest, "position": m.check, "at": m.at, "value": m.value, "evidence": m.evidence, "note": m.note}
        for m in measurements
    ]
    if rows:
        await tx.execute(insert(MeasurementRow).on_conflict_do_nothing(), rows)


async def measurements_of(tx: Tx, digest: ProposalDigest) -> tuple[Measurement, ...]:
    """All measurements of a proposal in the order of their time."""
    query = select(MeasurementRow).where(col(MeasurementRow.digest) == digest)
    rows = await tx.scalars(query.order_by(col(MeasurementRow.at), col(MeasurementRow.position)))
    return tuple(
        Measurement(check=row.position, at=row.at, value=row.value, evidence=row.evidence, note=row.note)
        for row in rows
    )


async def save_verification(
    tx: Tx, incident: IncidentId, digest: ProposalDigest, verification: Verification
) -> Verification:
    """Store the verdict; when there is one already, that one stands and is returned."""
    statement = insert(VerificationRow).values(
        digest=digest, incident_id=incident, outcome=verification.outcome, document=verification
    )
    await tx.execute(statement.on_conflict_do_nothing())
    stored = await verification_of(tx, digest)
    assert stored is not None
    return stored


async def verification_of(tx: Tx, digest: ProposalDigest) -> Verification | None:
    """The verdict on an executed proposal; None before it."""
    row = await tx.get(VerificationRow, digest)
    return None if row is None else row.document
