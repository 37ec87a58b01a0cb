"""Many incidents at a glance: a page of them by cursor, and for each the newest diagnosis and proposal."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Text, cast, func, literal, or_, select, text, tuple_
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
from orchestrator.store.timeline import WORDS, TimelineRow, searchable
from orchestrator.store.transaction import Tx


class Cursor(Value):
    """The last incident of a page; the next page begins behind it."""

    opened_at: datetime
    id: IncidentId


class Wanted(Value):
    """Which incidents. Empty fields do not filter."""

    phases: tuple[Phase, ...] = ()
    cluster: str = ""
    namespace: str = ""
    """One that an entity of the incident is in; teams are told apart by it."""
    service: str = ""
    """The name of one of its entities."""
    severity: Severity | None = None
    """The mildest that is shown."""
    since: datetime | None = None
    """Opened then or later."""
    among: tuple[IncidentId, ...] | None = None
    """Only these."""
    search: str = ""
    """Looked for in title, id and entities, and as words in everything that was told of the incident."""


class Place(Value):
    """Where incidents were: what a filter can offer."""

    namespace: str
    name: str


async def incidents_page(
    tx: Tx, wanted: Wanted, *, after: Cursor | None = None, limit: int = 50
) -> tuple[Incident, ...]:
    """At most `limit` incidents behind the cursor, newest first."""
    query = select(IncidentRow).where(*_conditions(wanted))
    if after is not None:
        key = tuple_(col(IncidentRow.opened_at), col(IncidentRow.id))
        query = query.where(key < tuple_(after.opened_at, after.id))
    newest_first = query.order_by(col(IncidentRow.opened_at).desc(), col(IncidentRow.id).desc())
    return tuple(domain(row) for row in await tx.scalars(newest_first.limit(limit)))


async def count_wanted(tx: Tx, wanted: Wanted) -> dict[Phase, int]:
    """How many of the wanted incidents stand in each phase."""
    query = select(col(IncidentRow.phase), func.count()).where(*_conditions(wanted)).group_by(col(IncidentRow.phase))
    return {row[0]: row[1] for row in await tx.execute(query)}


async def places(tx: Tx, *, newest: int = 500) -> tuple[Place, ...]:
    """Namespaces and names of entities in the newest incidents, by name."""
    query = text(
        "SELECT DISTINCT split_part(entity, '/', 2) AS namespace, split_part(entity, '/', 4) AS name"
        " FROM (SELECT entities FROM incident ORDER BY opened_at DESC LIMIT :newest) AS recent,"
        " jsonb_array_elements_text(recent.entities) AS entity ORDER BY name, namespace"
    )
    rows = await tx.execute(query, {"newest": newest})
    return tuple(Place(namespace=row.namespace, name=row.name) for row in rows)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.phases:
        found.append(col(IncidentRow.phase).in_(wanted.phases))
    if wanted.cluster:
        found.append(col(IncidentRow.cluster) == wanted.cluster)
    if wanted.severity:
        found.append(col(IncidentRow.severity) <= int(wanted.severity))
    if wanted.since:
        found.append(col(IncidentRow.opened_at) >= wanted.since)
    if wanted.among is not None:
        found.append(col(IncidentRow.id).in_(list(wanted.among)))
    found += [_at(part, value) for part, value in ((2, wanted.namespace), (4, wanted.service)) if value]
    if pattern := _pattern(wanted.search):
        found.append(_says(pattern, wanted.search.replace("\x00", "")))
    return found


def _at(part: int, value: str) -> ColumnElement[bool]:
    """One of its entities has this value as that part of its id (`cluster/namespace/kind/name`, from 1)."""
    entity = func.jsonb_array_elements_text(col(IncidentRow.entities)).table_valued("entity").render_derived()
    clean = value.replace("\x00", "")
    return select(literal(1)).select_from(entity).where(func.split_part(entity.c.entity, "/", part) == clean).exists()


def _says(pattern: str, words: str) -> ColumnElement[bool]:
    """Title, id or an entity holds the text, or the lines of its story hold the words."""
    fields = (col(IncidentRow.title), col(IncidentRow.id), cast(col(IncidentRow.entities), Text))
    query = func.websearch_to_tsquery(WORDS, words)
    told = select(col(TimelineRow.incident_id)).where(searchable().op("@@")(query))
    return or_(*(field.ilike(pattern) for field in fields), col(IncidentRow.id).in_(told))


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
