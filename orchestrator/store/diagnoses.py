"""Diagnoses, one per round: how the argument stood after each."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.diagnosis import Diagnosis, Verdict
from incidents.ids import IncidentId
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class DiagnosisRow(Row, table=True):
    """The diagnosis of one round; a repeated round replaces it."""

    __tablename__ = "diagnosis"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    round: int = columns.small(key=True)
    verdict: Verdict = columns.word(Verdict)
    document: Diagnosis = columns.document(Diagnosis)


async def save_diagnosis(tx: Tx, incident: IncidentId, diagnosis: Diagnosis) -> None:
    """Store the diagnosis of its round."""
    values = {"verdict": diagnosis.verdict, "document": diagnosis}
    statement = insert(DiagnosisRow).values(incident_id=incident, round=diagnosis.round, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["incident_id", "round"], set_=values))


async def diagnoses_of(tx: Tx, incident: IncidentId) -> tuple[Diagnosis, ...]:
    """All diagnoses, first round first."""
    query = (
        select(col(DiagnosisRow.document))
        .where(col(DiagnosisRow.incident_id) == incident)
        .order_by(col(DiagnosisRow.round))
    )
    return tuple(await tx.scalars(query))


async def latest_diagnosis(tx: Tx, incident: IncidentId) -> Diagnosis | None:
    """The diagnosis of the last round; None before the first."""
    found = await diagnoses_of(tx, incident)
    return found[-1] if found else None
