"""The specialist at work on served estates: what it sees, asks, reports, and that it is quiet where all is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from agents.kubernetes.specialist import SPECIALIST
from incidents.casefile import Assignment, Report
from incidents.fact import FactRole
from incidents.finding import AgentName, Topic
from incidents.ids import EntityId
from incidents.topology import Topology
from orchestrator.desk import LiveDesk
from tests.agents.kubernetes.estate import case
from tools.estate import Cluster, Connections, KubernetesAccess
from tools.kubernetes.client import KubernetesClient
from worlds.server import World, serve

SCENARIOS = Path(__file__).parents[3] / "evals" / "scenarios"

Work = Callable[..., Awaitable[Report]]


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[Work]:
    """Serve a scenario and let the specialist work on it once."""
    served: list[World] = []
    clients: list[KubernetesClient] = []

    async def run(scenario: str, *entities: str, topic: Topic = Topic.OVERVIEW, configured: bool = True) -> Report:
        world = await serve(SCENARIOS / f"{scenario}.yaml")
        served.append(world)
        clock, name = world.estate.clock, world.estate.scenario.estate.cluster
        path = tmp_path / "reader.yaml"
        path.write_text(yaml.safe_dump(world.kubeconfig("reader")))
        access = KubernetesAccess(kubeconfig=str(path))
        client = KubernetesClient(access, clock=clock)
        clients.append(client)
        cluster = Cluster(
            name=name,
            clock=clock,
            connections=Connections(name=name, kubernetes=access),
            kubernetes=client if configured else None,
        )
        asked = tuple(EntityId(f"{name}/{entity}") for entity in entities)
        known = case(focus=asked)
        started = known.incident.model_copy(update={"started_at": clock.now(), "cluster": name})
        file = known.model_copy(update={"incident": started, "onset": None})
        desk = LiveDesk(cluster=cluster, clock=clock, agent=AgentName.KUBERNETES, probes=100, seconds=60)
        assignment = Assignment(agent=AgentName.KUBERNETES, topic=topic, entities=asked, round=1)
        return await SPECIALIST.work(assignment, file, desk)

    yield run
    for client in clients:
        await client.close()
    for world in served:
        await world.stop()


def kinds(report: Report, entity: str) -> set[str]:
    return {fact.kind for fact in report.facts if fact.entity.endswith(f"/{entity}")}


def held_together(report: Report) -> None:
    """What every report has to be, whatever it says."""
    evidence = {item.id for item in report.evidence}
    facts = {fact.id for fact in report.facts}
    inventory = set(report.inventory)
    for fact in report.facts:
        assert set(fact.evidence) <= evidence
        assert fact.entity in inventory, fact.entity
    for finding in report.findings:
        assert set(finding.evidence) <= evidence
        assert set(finding.facts) <= facts
    for question in report.questions:
        assert set(question.because) <= facts
        assert question.to is not AgentName.SUPERVISOR


async def test_the_reference_incident(work: Work) -> None:
    report = await work("bad-deploy/checkout-memory-limit", "shop/deployment/checkout")
    held_together(report)
    assert kinds(report, "deployment/checkout") >= {
        "container.oom_killed",
        "container.crash_loop",
        "workload.unavailable",
        "workload.rollout_stuck",
    }
    assert {fact.entity.rsplit("/", 1)[1] for fact in report.facts} == {"checkout"}, "only checkout is in trouble"
    texts = [finding.text for finding in report.findings]
    assert texts[0] == "checkout's container was OOMKilled at 256Mi in 2 of 6 pods, 14 times since 02:36"
    assert any("last line of checkout" in text for text in texts)
    asked = {(question.to, question.topic) for question in report.questions}
    assert (AgentName.OBSERVABILITY, Topic.USAGE_BEFORE) in asked
    assert (AgentName.CICD, Topic.CHANGES) in asked
    checkout = next(entity for entity in report.inventory if entity.endswith("/shop/deployment/checkout"))
    assert report.topology.callers(checkout)
    assert report.topology.callees(checkout)
    covered = set(report.covered)
    assert f"pod.evicted@{checkout}" in covered, "what was looked for and is not so"
    assert f"node.memory_pressure@{report.topology.nodes_of(checkout)[0]}" in covered
    assert not any(
        entry.startswith("workload.config_ref_missing@") and entry.endswith("/payments") for entry in covered
    )
    assert any("secrets" in gap.why for gap in report.gaps), "what could not be seen is said"


@pytest.mark.parametrize(
    ("scenario", "entity", "expected", "about"),
    [
        pytest.param("configuration/checkout-key-removed", "shop/deployment/checkout", {"container.create_config_error", "workload.config_ref_missing"}, "deployment/checkout", id="a key that was removed"),
        pytest.param("images/catalog-tag-not-found", "shop/deployment/catalog", {"container.image_pull_failed", "workload.rollout_stuck"}, "deployment/catalog", id="a tag that does not exist"),
        pytest.param("nodes/general-node-memory", "shop/deployment/checkout", {"pod.evicted"}, "deployment/checkout", id="a node that runs out of memory"),
    ],
)  # fmt: skip
async def test_other_incidents(work: Work, scenario: str, entity: str, expected: set[str], about: str) -> None:
    report = await work(scenario, entity)
    held_together(report)
    assert kinds(report, about) >= expected


async def test_a_lost_node_is_told_apart_from_a_stuck_rollout(work: Work) -> None:
    report = await work("nodes/general-node-lost", "shop/deployment/checkout")
    held_together(report)
    found = {fact.kind for fact in report.facts}
    assert {"node.not_ready", "node.kubelet_stopped"} <= found
    assert "workload.rollout_stuck" not in found
    assert "node.taint_added" not in found, "a taint that follows from a condition is no change"


async def test_a_healthy_estate_gives_no_trouble(work: Work) -> None:
    report = await work("healthy/quiet-night", "shop/deployment/checkout")
    held_together(report)
    trouble = {FactRole.SYMPTOM, FactRole.MECHANISM, FactRole.CHANGE}
    assert [fact for fact in report.facts if fact.role in trouble] == []
    assert report.questions == ()
    (well,) = [finding for finding in report.findings if finding.ruled_out]
    assert well.text == "checkout is well: 6 of 6 pods available, no trouble seen"


@pytest.mark.parametrize("topic", [Topic.HEALTH, Topic.LOGS])
async def test_a_question_is_answered_for_its_entity_alone(work: Work, topic: Topic) -> None:
    report = await work("bad-deploy/checkout-memory-limit", "shop/deployment/checkout", topic=topic)
    assert report.evidence
    probes = {item.probe for item in report.evidence}
    if topic is Topic.LOGS:
        assert probes == {"kubernetes.logs"}
        return
    held = {fact.kind for fact in report.facts}
    assert "container.oom_killed" in held
    assert "kubernetes.inventory" not in probes


async def test_without_access_everything_is_a_gap_and_nothing_is_raised(work: Work) -> None:
    report = await work("healthy/quiet-night", "shop/deployment/checkout", configured=False)
    assert report.facts == ()
    assert report.covered == ()
    assert {gap.what for gap in report.gaps} >= {"kubernetes.pods", "kubernetes.workloads"}
    assert all("kubernetes is not configured" in gap.why for gap in report.gaps)
    assert report.topology == Topology()
