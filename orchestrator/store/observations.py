"""Evidence of certain probes with its bodies: what pages draw curves from, without reading everything else."""

from collections.abc import Sequence

from sqlmodel import col, select

from incidents.evidence import Evidence
from incidents.ids import IncidentId
from orchestrator.store.casefiles import EvidenceRow
from orchestrator.store.transaction import Tx


async def evidence_from(
    tx: Tx, incident: IncidentId, *, probes: Sequence[str], limit: int = 24
) -> tuple[Evidence, ...]:
    """The newest observations of these probes, oldest first, with their bodies."""
    query = (
        select(EvidenceRow)
        .where(col(EvidenceRow.incident_id) == incident, col(EvidenceRow.head)["probe"].astext.in_(list(probes)))
        .order_by(col(EvidenceRow.observed_at).desc(), col(EvidenceRow.id))
        .limit(limit)
    )
    rows = list(await tx.scalars(query))
    return tuple(row.head.model_copy(update={"body": row.body}) for row in reversed(rows))
