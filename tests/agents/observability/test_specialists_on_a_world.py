"""The observability and cost specialists at work on served estates, through a live desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from agents.specialist import specialists
from incidents.alert import Severity
from incidents.casefile import Assignment, CaseFile, Report
from incidents.fact import Fact
from incidents.finding import AgentName, Question, Topic
from incidents.ids import EntityId, IncidentId, QuestionId
from incidents.incident import Incident, Phase
from incidents.topology import Relation, Topology
from orchestrator.desk import LiveDesk
from tests.tools.served_estate import HEALTHY, REFERENCE, SCENARIOS, Served, serving
from tools.estate import Cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKOUT = "shop/deployment/checkout"
ORDERS = SCENARIOS / "dependency-cascade" / "orders-db-before-deploy.yaml"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reference(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serving(tmp_path_factory.mktemp("reference"), REFERENCE) as one:
        yield one


def case_of(served: Served, entity: EntityId) -> CaseFile:
    now = served.cluster.clock.now()
    incident = Incident(
        id=IncidentId("inc-test00000001"),
        title="checkout",
        severity=Severity.SEV1,
        phase=Phase.INVESTIGATING,
        cluster=served.cluster.name,
        entities=(entity,),
        opened_at=now,
        started_at=now - timedelta(minutes=10),
        graph_version="1",
    )
    return CaseFile(
        incident=incident,
        alerts=(),
        focus=(entity,),
        onset=None,
        topology=Topology(),
        inventory=frozenset({entity}),
    )


async def ask(
    served: Served, agent: AgentName, *, topic: Topic = Topic.OVERVIEW, question: Question | None = None,
    cluster: Cluster | None = None, path: str = CHECKOUT,
) -> Report:  # fmt: skip
    entity = served.id(path)
    desk = LiveDesk(cluster=cluster or served.cluster, clock=served.cluster.clock, agent=agent, probes=50, seconds=60.0)
    assignment = Assignment(agent=agent, topic=topic, entities=(entity,), round=1, question=question)
    return await specialists()[agent].work(assignment, case_of(served, entity), desk)


def by_kind(report: Report, served: Served) -> Mapping[tuple[str, str], Fact]:
    return {(fact.kind, fact.entity.removeprefix(f"{served.cluster.name}/")): fact for fact in report.facts}


async def test_the_reference_incident_is_measured(reference: Served) -> None:
    report = await ask(reference, AgentName.OBSERVABILITY)
    found = by_kind(report, reference)
    onset = reference.cluster.clock.now() - timedelta(minutes=12)
    errors = found["errors.elevated", CHECKOUT]
    assert errors.at is not None
    assert abs(errors.at - onset) <= timedelta(minutes=1)
    assert errors.attributes["rate"] > 5 * errors.attributes["baseline"]
    limit = found["memory.at_limit", CHECKOUT]
    assert limit.attributes["limit"] == 256 * 2**20
    assert found["memory.used_before", CHECKOUT].attributes["peak"] > 256 * 2**20, "it used more before"
    assert ("dependency.healthy", "payments/deployment/payments") in found
    assert ("upstream.affected", "shop/deployment/web") in found
    assert ("log.new_pattern", CHECKOUT) in found
    assert not any(fact.kind == "estate.healthy" for fact in report.facts)
    assert report.gaps == ()
    assert report.findings[0].text.startswith(f"{errors.attributes['rate']:.1%}"[:1])
    assert {ruled.entity for ruled in report.findings[0].ruled_out} >= {reference.id("data/statefulset/orders-db")}


async def test_every_fact_and_finding_cites_evidence_of_the_report(reference: Served) -> None:
    for agent in (AgentName.OBSERVABILITY, AgentName.COST):
        report = await ask(reference, agent)
        known, facts = {one.id for one in report.evidence}, {fact.id for fact in report.facts}
        assert all(set(fact.evidence) <= known for fact in report.facts)
        assert all(set(one.evidence) <= known and set(one.facts) <= facts for one in report.findings)
        assert report.findings


async def test_who_calls_whom_is_put_on_the_map(reference: Served) -> None:
    report = await ask(reference, AgentName.OBSERVABILITY)
    checkout = reference.id(CHECKOUT)
    assert reference.id("shop/deployment/web") in report.topology.callers(checkout)
    assert reference.id("data/statefulset/orders-db") in report.topology.callees(checkout)
    weights = [edge.weight for edge in report.topology.edges if edge.relation is Relation.CALLS]
    assert all(weight is not None and weight >= 0 for weight in weights)
    assert checkout in report.inventory


async def test_what_was_used_before_a_moment(reference: Served) -> None:
    before = reference.cluster.clock.now() - timedelta(minutes=14)
    question = Question(
        id=QuestionId("qu-1"),
        asker=AgentName.SUPERVISOR,
        to=AgentName.OBSERVABILITY,
        topic=Topic.USAGE_BEFORE,
        entities=(reference.id(CHECKOUT),),
        text="what did checkout use before 02:33?",
        before=before,
        round=2,
    )
    report = await ask(reference, AgentName.OBSERVABILITY, topic=Topic.USAGE_BEFORE, question=question)
    fact = by_kind(report, reference)["memory.used_before", CHECKOUT]
    assert fact.until == before
    assert 300 * 2**20 < fact.attributes["peak"] < 420 * 2**20
    assert "used up to" in report.findings[0].text


async def test_a_failing_database_is_seen_behind_its_caller(tmp_path: Path) -> None:
    async with serving(tmp_path, ORDERS) as served:
        report = await ask(served, AgentName.OBSERVABILITY)
        found = by_kind(report, served)
        assert ("dependency.errors", "data/statefulset/orders-db") in found
        complaints = [fact for fact in report.facts if fact.kind == "log.error_class"]
        assert (served.id(CHECKOUT), "orders-db") in {(one.entity, one.attributes.get("peer")) for one in complaints}
        assert served.id("data/statefulset/orders-db") in {e for one in report.questions for e in one.entities}


async def test_a_healthy_estate_is_called_healthy(tmp_path: Path) -> None:
    async with serving(tmp_path, HEALTHY) as served:
        report = await ask(served, AgentName.OBSERVABILITY)
        kinds = {fact.kind for fact in report.facts}
        assert "estate.healthy" in kinds
        assert not kinds & {"errors.elevated", "latency.elevated", "memory.at_limit", "dependency.errors"}
        assert report.questions == ()


async def test_what_cannot_be_seen_is_said(reference: Served) -> None:
    nobody = dict.fromkeys(("prometheus", "loki", "alertmanager", "opencost", "kubernetes", "seen_lately"))
    blind = replace(reference.cluster, **nobody)
    for agent in (AgentName.OBSERVABILITY, AgentName.COST):
        report = await ask(reference, agent, cluster=blind)
        assert report.facts == ()
        assert report.covered == ()
        assert report.gaps
        assert all("not configured" in gap.why for gap in report.gaps)


async def test_cost_is_counted_and_priced(reference: Served) -> None:
    report = await ask(reference, AgentName.COST)
    rate = by_kind(report, reference)["cost.rate", CHECKOUT]
    assert 0.001 < rate.attributes["usd_per_hour"] < 5
    assert rate.attributes["replicas"] == 6
    assert rate.attributes["basis"] == "OpenCost's prices"


async def test_without_opencosts_api_what_it_exports_of_nodes_is_used(reference: Served) -> None:
    connections = reference.cluster.connections.model_copy(update={"opencost": None})
    cluster = replace(reference.cluster, connections=connections, opencost=None)
    report = await ask(reference, AgentName.COST, cluster=cluster)
    rate = by_kind(report, reference)["cost.rate", CHECKOUT]
    assert rate.attributes["basis"] == "OpenCost's prices of nodes"
