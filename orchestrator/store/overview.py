"""Many incidents at a glance: a page of them by cursor, and for each the newest diagnosis and proposal."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Text, cast, select, text, tuple_
from sqlmodel import col

from incidents.alert import Severity
from incidents.diagnosis import Diagnosis
from incidents.ids import IncidentId, ProposalDigest
from incidents.incident import Incident, Phase
from incidents.value import Value
from orchestrator.store.decisions import DecisionRow
from orchestrator.store.diagnoses import DiagnosisRow
from orchestrator.store.incidents import IncidentRow, domain
from orchestrator.store.proposals import ProposalRow, StoredProposal
from orchestrator.store.transaction import Tx


class Cursor(Value):
    """The last incident of a page; the next page begins behind it."""

    opened_at: datetime
    id: IncidentId


class Wanted(Value):
    """Which incidents. Empty fields do not filter."""

    phases: tuple[Phase, ...] = ()
    cluster: str = ""
    severity: Severity | None = None
    """The mildest that is shown."""
    search: str = ""
    """Looked for in title, id and entities."""


async def incidents_page(
    tx: Tx, wanted: Wanted, *, after: Cursor | None = None, limit: int = 50
) -> tuple[Incident, ...]:
    """At most `limit` incidents behind the cursor, newest first."""
    query = select(IncidentRow)
    if wanted.phases:
        query = query.where(col(IncidentRow.phase).in_(wanted.phases))
    if wanted.cluster:
        query = query.where(col(IncidentRow.cluster) == wanted.cluster)
    if wanted.severity:
        query = query.where(col(IncidentRow.severity) <= int(wanted.severity))
    if pattern := _pattern(wanted.search):
        fields = (col(IncidentRow.title), col(IncidentRow.id), cast(col(IncidentRow.entities), Text))
        query = query.where(fields[0].ilike(pattern) | fields[1].ilike(pattern) | fields[2].ilike(pattern))
    if after is not None:
        key = tuple_(col(IncidentRow.opened_at), col(IncidentRow.id))
        query = query.where(key < tuple_(after.opened_at, after.id))
    newest_first = query.order_by(col(IncidentRow.opened_at).desc(), col(IncidentRow.id).desc())
    return tuple(domain(row) for row in await tx.scalars(newest_first.limit(limit)))


async def diagnoses_by_incident(tx: Tx, incidents: Sequence[IncidentId]) -> dict[IncidentId, Diagnosis]:
    """The diagnosis of the last round of each incident that has one."""
    query = (
        select(col(DiagnosisRow.incident_id), col(DiagnosisRow.document))
        .where(col(DiagnosisRow.incident_id).in_(list(incidents)))
        .order_by(col(DiagnosisRow.incident_id), col(DiagnosisRow.round))
    )
    return {row[0]: row[1] for row in await tx.execute(query)}


async def proposals_by_incident(tx: Tx, incidents: Sequence[IncidentId]) -> dict[IncidentId, StoredProposal]:
    """The newest proposal of each incident that has one."""
    query = (
        select(ProposalRow)
        .where(col(ProposalRow.incident_id).in_(list(incidents)))
        .order_by(col(ProposalRow.incident_id), col(ProposalRow.created_at), col(ProposalRow.digest))
    )
    return {
        row.incident_id: StoredProposal(
            proposal=row.document, status=row.status, requested_by=row.requested_by, decided_at=row.decided_at
        )
        for row in await tx.scalars(query)
    }


async def approvals_by_digest(tx: Tx, digests: Sequence[ProposalDigest]) -> dict[ProposalDigest, tuple[str, ...]]:
    """Who decided on each digest so far, by person id."""
    query = (
        select(col(DecisionRow.digest), col(DecisionRow.person_id))
        .where(col(DecisionRow.digest).in_(list(digests)))
        .order_by(col(DecisionRow.at))
    )
    found: dict[ProposalDigest, list[str]] = {}
    for digest, person in await tx.execute(query):
        found.setdefault(digest, []).append(person)
    return {digest: tuple(people) for digest, people in found.items()}


async def alert_counts(tx: Tx, incidents: Sequence[IncidentId]) -> dict[IncidentId, tuple[int, int]]:
    """(firing, all) alerts of each incident that has any."""
    query = text(
        "SELECT incident_id, count(*) FILTER (WHERE status = 'firing') AS firing, count(*) AS total FROM alert"
        " WHERE incident_id = ANY(:wanted) GROUP BY incident_id"
    )
    rows = await tx.execute(query, {"wanted": list(incidents)})
    return {IncidentId(row.incident_id): (row.firing, row.total) for row in rows}


def _pattern(search: str) -> str:
    clean = search.strip().replace("\x00", "").replace("\\", "").replace("%", "").replace("_", r"\_")
    return f"%{clean}%" if clean else ""
