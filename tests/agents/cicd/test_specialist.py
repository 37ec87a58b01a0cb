"""The specialist at work on served worlds, through the real clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import yaml
from pydantic import SecretStr

from agents.cicd.specialist import SPECIALIST
from incidents.alert import Severity
from incidents.casefile import Assignment, CaseFile, Report
from incidents.entity import Entity
from incidents.finding import AgentName, Question, Topic
from incidents.incident import Incident, Phase
from incidents.topology import Relation, Topology
from orchestrator.desk import LiveDesk
from tools.connect import connect
from tools.estate import Connections, Endpoint, KubernetesAccess
from worlds.server import World, serve

SCENARIOS = Path(__file__).parents[3] / "evals" / "scenarios"


@asynccontextmanager
async def world(name: str) -> AsyncIterator[World]:
    served = await serve(SCENARIOS / f"{name}.yaml")
    try:
        yield served
    finally:
        await served.stop()


def connections(served: World, folder: Path, *, github: bool = True) -> Connections:
    path = folder / "reader.kubeconfig"
    path.write_text(yaml.safe_dump(served.kubeconfig("reader")), encoding="utf-8")
    tokens = {name: SecretStr(served.tokens[name]) for name in ("argocd", "github")}
    return Connections(
        name=served.estate.scenario.estate.cluster,
        kubernetes=KubernetesAccess(kubeconfig=str(path)),
        argocd=Endpoint(url=served.urls["argocd"], token=tokens["argocd"]),
        github=Endpoint(url=served.urls["github"], token=tokens["github"]) if github else None,
    )


async def work(
    served: World,
    folder: Path,
    *names: str,
    minutes: float,
    github: bool = True,
    question: Question | None = None,
) -> Report:
    """One round about these entities, with the onset that many minutes ago."""
    given, clock = connections(served, folder, github=github), served.estate.clock
    entities = tuple(Entity.parse(f"{given.name}/{name}").id for name in names)
    onset = clock.now() - timedelta(minutes=minutes)
    incident = Incident(
        id="inc-test00000000",
        title="checkout fails",
        severity=Severity.SEV1,
        phase=Phase.INVESTIGATING,
        cluster=given.name,
        entities=entities,
        opened_at=clock.now(),
        started_at=onset,
        graph_version="1",
    )
    case = CaseFile(
        incident=incident, alerts=(), focus=entities, onset=onset, topology=Topology(), inventory=frozenset(entities)
    )
    async with connect(given, clock=clock) as cluster:
        desk = LiveDesk(cluster=cluster, clock=clock, agent=AgentName.CICD, probes=60, seconds=60)
        topic = question.topic if question else Topic.OVERVIEW
        assignment = Assignment(agent=AgentName.CICD, topic=topic, entities=entities, round=1, question=question)
        return await SPECIALIST.work(assignment, case, desk)


async def test_the_reference_incident_is_told_with_field_commit_and_person(tmp_path: Path) -> None:
    async with world("bad-deploy/checkout-memory-limit") as served:
        report = await work(served, tmp_path, "shop/deployment/checkout", minutes=11.5)
    lowered = next(fact for fact in report.facts if fact.kind == "change.memory_limit_lowered")
    commit = str(lowered.attributes["commit"])
    assert lowered.text == f"deploy {commit[:7]} lowered the memory limit of checkout 512Mi -> 256Mi at 02:35"
    assert lowered.attributes["actor"] == "checkout-dev"
    assert lowered.attributes["before_bytes"] == 512 * 2**20
    assert report.findings[0].text.startswith(lowered.text)
    assert [one.entity.rsplit("/", 1)[1] for one in report.findings[0].ruled_out if one.entity] == ["cart"]
    assert not [fact for fact in report.facts if fact.kind == "change.manual"]
    assert ("usage_before", "what did checkout use before 02:35?") in [(q.topic, q.text) for q in report.questions]
    code = next(f for f in report.facts if f.kind == "change.code" and f.entity == lowered.entity)
    assert code.attributes["title"] == "Right-size checkout"
    relations = {edge.relation for edge in report.topology.edges}
    assert {Relation.DEPLOYS, Relation.BUILT_FROM} <= relations
    assert f"change.none@{lowered.entity}" in report.covered
    assert report.gaps == ()


async def test_dependencies_in_other_namespaces_are_looked_at(tmp_path: Path) -> None:
    async with world("bad-deploy/checkout-memory-limit") as served:
        report = await work(served, tmp_path, "shop/deployment/checkout", minutes=11.5)
    unchanged = {fact.entity.split("/", 1)[1] for fact in report.facts if fact.kind == "change.none"}
    assert {"payments/deployment/payments", "data/statefulset/orders-db"} <= unchanged


async def test_what_is_not_configured_is_a_gap_and_nothing_fails(tmp_path: Path) -> None:
    async with world("bad-deploy/checkout-memory-limit") as served:
        report = await work(served, tmp_path, "shop/deployment/checkout", minutes=11.5, github=False)
    assert {gap.what for gap in report.gaps} >= {
        "github.deployments",
        "github.workflow_runs",
        "the commit behind revision 5 of checkout",
    }
    lowered = next(fact for fact in report.facts if fact.kind == "change.memory_limit_lowered")
    assert lowered.text == "revision 5 lowered the memory limit of checkout 512Mi -> 256Mi at 02:35"


async def test_a_key_taken_out_by_hand_is_told_with_its_users(tmp_path: Path) -> None:
    async with world("configuration/checkout-key-removed") as served:
        report = await work(served, tmp_path, "shop/deployment/checkout", minutes=8)
    edited = next(fact for fact in report.facts if fact.kind == "change.configmap_edited")
    assert edited.attributes["missing"] == "RETRY_BUDGET"
    assert [entity.rsplit("/", 1)[1] for entity in edited.related] == ["checkout"]
    manual = next(f for f in report.facts if f.kind == "change.manual")
    assert manual.attributes["manager"] == "kubectl-edit"


async def test_a_sync_of_argo_cd_tells_the_commit_and_where_to_go_back_to(tmp_path: Path) -> None:
    async with world("images/catalog-tag-not-found") as served:
        report = await work(served, tmp_path, "shop/deployment/catalog", minutes=10)
    changed = next(
        f for f in report.facts if f.kind == "change.image_changed" and f.entity.endswith("/catalog") and f.at
    )
    assert isinstance(changed.attributes["previous_history_id"], int)
    assert len(str(changed.attributes["commit"])) == 40
    application = next(
        e.source for e in report.topology.edges if e.relation is Relation.DEPLOYS and e.target == changed.entity
    )
    assert application in report.inventory
