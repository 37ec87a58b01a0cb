"""The case file of an incident in rows: what each specialist reported, and the whole of it assembled again.

Everything is keyed by its own id, so that a node that runs twice adds nothing twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, literal, union_all
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlmodel import col, select

from incidents.canonical import digest_of, short
from incidents.casefile import CaseFile, Report, assembled
from incidents.evidence import Evidence, Source
from incidents.fact import Fact
from incidents.finding import AgentName, Finding, Gap, Question
from incidents.ids import EntityId, EvidenceId, FactId, FactKind, FindingId, IncidentId, QuestionId
from incidents.topology import Topology
from orchestrator.store import columns
from orchestrator.store.alerts import alerts_of
from orchestrator.store.columns import Row
from orchestrator.store.errors import UnknownError
from orchestrator.store.incidents import incident_of
from orchestrator.store.transaction import Tx

NEVER = 1_000_000
"""A round that no investigation reaches."""


class EvidenceRow(Row, table=True):
    """One observation. The body has its own column: it is large and rarely wanted."""

    __tablename__ = "evidence"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    id: EvidenceId = columns.text(key=True)
    source: Source = columns.word(Source)
    observed_at: datetime = columns.moment()
    head: Evidence = columns.document(Evidence)
    """The observation with an empty body."""
    body: str = columns.text()


class FactRow(Row, table=True):
    """One statement."""

    __tablename__ = "fact"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    id: FactId = columns.text(key=True)
    kind: FactKind = columns.text(index=True)
    entity: EntityId = columns.text(index=True)
    round: int = columns.small()
    document: Fact = columns.document(Fact)


class FindingRow(Row, table=True):
    """One claim of a specialist."""

    __tablename__ = "finding"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    id: FindingId = columns.text(key=True)
    agent: AgentName = columns.word(AgentName)
    round: int = columns.small()
    document: Finding = columns.document(Finding)


class QuestionRow(Row, table=True):
    """One question of an agent to another."""

    __tablename__ = "question"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    id: QuestionId = columns.text(key=True)
    round: int = columns.small()
    document: Question = columns.document(Question)


class GapRow(Row, table=True):
    """Something that could not be seen; the id is a digest of what it says."""

    __tablename__ = "gap"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    id: str = columns.text(key=True)
    round: int = columns.small()
    document: Gap = columns.document(Gap)


class SurveyRow(Row, table=True):
    """What one report says about the estate as a whole: edges, inventory, what was covered, what it cost."""

    __tablename__ = "survey"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    agent: AgentName = columns.text(key=True)
    round: int = columns.small(key=True)
    key: str = columns.text(key=True)
    topology: Topology = columns.document(Topology)
    inventory: tuple[EntityId, ...] = columns.document(tuple[EntityId, ...])
    covered: tuple[str, ...] = columns.document(tuple[str, ...])
    probes: int = columns.small()
    seconds: float = columns.real()


async def add_report(tx: Tx, incident: IncidentId, report: Report, *, key: str = "") -> None:
    """Store a report.

    `key` tells several reports of one agent in one round apart (the id of the question it answers).
    """
    common = {"incident_id": incident, "round": report.round}
    await _keep(tx, EvidenceRow, [_evidence_values(incident, item) for item in report.evidence])
    await _keep(tx, FactRow, [_fact_values(common, item) for item in report.facts], replace=True)
    await _keep(
        tx, FindingRow, [{**common, "id": f.id, "agent": f.agent, "document": f} for f in report.findings], replace=True
    )
    await add_questions(tx, incident, report.questions)
    await _keep(tx, GapRow, [{**common, "id": short(digest_of(gap)), "document": gap} for gap in report.gaps])
    survey = {
        **common,
        "agent": report.agent.value,
        "key": key,
        "topology": report.topology,
        "inventory": report.inventory,
        "covered": report.covered,
        "probes": report.probes,
        "seconds": report.seconds,
    }
    await _keep(tx, SurveyRow, [survey], replace=True)


async def add_questions(tx: Tx, incident: IncidentId, questions: Sequence[Question]) -> None:
    """Store questions that no report carries, such as those of the challenger."""
    rows = [{"incident_id": incident, "round": q.round, "id": q.id, "document": q} for q in questions]
    await _keep(tx, QuestionRow, rows)


async def add_evidence(tx: Tx, incident: IncidentId, evidence: Sequence[Evidence]) -> None:
    """Store observations that no report carries: those of a preview or a verification."""
    await _keep(tx, EvidenceRow, [_evidence_values(incident, item) for item in evidence])


async def load_case(tx: Tx, incident: IncidentId, *, bodies: bool = True, before: int = NEVER) -> CaseFile:
    """Everything known of the incident now, or when round `before` began, whoever has reported since.

    Without bodies the evidence is for lists: its digest is that of the body. Evidence is not told apart by rounds.
    """
    mine = (col(SurveyRow.incident_id) == incident, col(SurveyRow.round) < before)
    surveys = await tx.scalars(select(SurveyRow).where(*mine))
    facts, findings, questions, gaps = await _documents(tx, incident, before=before)
    return assembled(
        await incident_of(tx, incident),
        alerts=await alerts_of(tx, incident),
        reports=[_surveyed(survey) for survey in surveys],
        evidence=await evidence_of(tx, incident, bodies=bodies),
        facts=facts,
        findings=findings,
        questions=questions,
        gaps=gaps,
    )


async def topology_of(tx: Tx, incidents: Sequence[IncidentId]) -> Topology:
    """All edges that specialists found while they worked on these incidents."""
    query = select(col(SurveyRow.topology)).where(col(SurveyRow.incident_id).in_(incidents))
    return Topology.of(edge for topology in await tx.scalars(query) for edge in topology.edges)


async def evidence_of(tx: Tx, incident: IncidentId, *, bodies: bool = True) -> tuple[Evidence, ...]:
    """The incident's evidence in the order in which it was observed."""
    wanted = (EvidenceRow.head, EvidenceRow.body) if bodies else (EvidenceRow.head, literal(""))
    query = (
        select(*wanted)
        .where(col(EvidenceRow.incident_id) == incident)
        .order_by(col(EvidenceRow.observed_at), col(EvidenceRow.id))
    )
    found = await tx.execute(query)
    return tuple(row[0].model_copy(update={"body": row[1]}) for row in found)


async def one_evidence(tx: Tx, incident: IncidentId, evidence: EvidenceId) -> Evidence:
    """One observation with its body. Raises UnknownError."""
    row = await tx.get(EvidenceRow, (incident, evidence))
    if row is None:
        raise UnknownError(f"{incident} has no evidence {evidence}")
    return row.head.model_copy(update={"body": row.body})


async def effort_of(tx: Tx, incident: IncidentId) -> tuple[int, float]:
    """Probes asked and seconds spent by all specialists so far: what the budget is held against."""
    query = select(func.sum(col(SurveyRow.probes)), func.sum(col(SurveyRow.seconds)))
    probes, seconds = (await tx.execute(query.where(col(SurveyRow.incident_id) == incident))).one()
    return int(probes or 0), float(seconds or 0.0)


def _surveyed(survey: SurveyRow) -> Report:
    return Report(
        agent=survey.agent,
        round=survey.round,
        topology=survey.topology,
        inventory=survey.inventory,
        covered=survey.covered,
        probes=survey.probes,
        seconds=survey.seconds,
    )


_DOCUMENTS: tuple[Any, ...] = (FactRow, FindingRow, QuestionRow, GapRow)


_REPORTED = union_all(
    *(
        select(literal(place).label("place"), table.round, table.id, func.text(table.document).label("document")).where(
            table.incident_id == bindparam("incident"), table.round < bindparam("before")
        )
        for place, table in enumerate(_DOCUMENTS)
    )
).order_by("place", "round", "id")


async def _documents(tx: Tx, incident: IncidentId, *, before: int) -> list[tuple[Any, ...]]:
    """What was reported, by table in the order of `_DOCUMENTS`, oldest round first: read in one statement."""
    found: list[list[Any]] = [[] for _ in _DOCUMENTS]
    for place, _, _, document in await tx.execute(_REPORTED, {"incident": incident, "before": before}):
        found[place].append(_DOCUMENTS[place].__table__.c.document.type.remembered(document))
    return [tuple(documents) for documents in found]


async def _keep(tx: Tx, table: type[Row], rows: Sequence[Mapping[str, Any]], *, replace: bool = False) -> None:
    """Insert rows; one that is there already stays as it is, or is replaced as a whole."""
    if not rows:
        return
    keys = _keys(table)
    # In one order everywhere: two reports that arrive together must not wait for each other in a circle.
    ordered = sorted(rows, key=lambda row: [str(row[key]) for key in keys])
    await tx.execute(_keeping(table, tuple(rows[0]), replace=replace), ordered)


@cache
def _keys(table: type[Row]) -> tuple[str, ...]:
    return tuple(column.name for column in table.metadata.tables[str(table.__tablename__)].primary_key)


@cache
def _keeping(table: type[Row], names: tuple[str, ...], *, replace: bool) -> Insert:
    statement = insert(table)
    if not replace:
        return statement.on_conflict_do_nothing()
    values = {name: statement.excluded[name] for name in names if name not in _keys(table)}
    return statement.on_conflict_do_update(index_elements=_keys(table), set_=values)


def _evidence_values(incident: IncidentId, item: Evidence) -> dict[str, Any]:
    return {
        "incident_id": incident,
        "id": item.id,
        "source": item.source,
        "observed_at": item.observed_at,
        "head": item.model_copy(update={"body": ""}),
        "body": columns.storable(item.body),
    }


def _fact_values(common: Mapping[str, Any], item: Fact) -> dict[str, Any]:
    return {**common, "id": item.id, "kind": item.kind, "entity": item.entity, "document": item}
