"""Case files: what specialists report comes back equal, and a node that runs twice adds nothing twice."""

from __future__ import annotations

import asyncio

import pytest

from incidents.canonical import digest_of
from incidents.casefile import Report
from incidents.diagnosis import Diagnosis, Engine, Verdict
from incidents.evidence import Evidence, Source
from incidents.fact import Fact, FactRole, fact_id
from incidents.finding import AgentName, Finding, Gap, Question, Topic
from incidents.ids import EvidenceId, FactKind, FindingId, QuestionId
from incidents.topology import Edge, Relation, Topology
from orchestrator.store.casefiles import add_report, effort_of, load_case, one_evidence
from orchestrator.store.database import Store
from orchestrator.store.diagnoses import latest_diagnosis, save_diagnosis
from orchestrator.store.errors import UnknownError
from tests.incidents.making import CHECKOUT, NOW, after
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, an_incident


def report(agent: AgentName = AgentName.KUBERNETES, *, number: int = 1) -> Report:
    evidence = Evidence.of(
        probe="kubernetes.pods",
        source=Source.KUBERNETES,
        query=f"GET /pods {agent}",
        observed_at=NOW,
        body='{"a": 1e400}\x00',
    )
    attributes = {"limit_bytes": 268435456, "ratio": 0.1, "ok": True, "big": 1e16}
    fact = Fact(
        id=fact_id(kind=FactKind("container.oom_killed"), entity=CHECKOUT, at=after(-720), attributes=attributes),
        kind=FactKind("container.oom_killed"),
        role=FactRole.SYMPTOM,
        entity=CHECKOUT,
        at=after(-720),
        text="OOMKilled",
        attributes=attributes,
        evidence=(evidence.id,),
        detector="oom",
    )
    return Report(
        agent=agent,
        round=number,
        evidence=(evidence,),
        facts=(fact,),
        findings=(
            Finding(
                id=FindingId(f"fi-{agent}"),
                agent=agent,
                text="t",
                confidence=1,
                evidence=(evidence.id,),
                at=NOW,
                round=number,
            ),
        ),
        questions=(
            Question(
                id=QuestionId(f"qu-{agent}"),
                asker=agent,
                to=AgentName.CICD,
                topic=Topic.CHANGES,
                entities=(CHECKOUT,),
                text="?",
                round=number,
            ),
        ),
        gaps=(Gap(agent=agent, what="logs", why="403"),),
        topology=Topology.of([Edge(source=CHECKOUT, relation=Relation.CALLS, target=CHECKOUT, weight=float(number))]),
        inventory=(CHECKOUT,),
        covered=(f"pod.evicted@{agent}",),
        probes=3,
        seconds=0.25,
    )


@both_servers
async def test_a_case_comes_back_as_it_was_reported(store: Store) -> None:
    await an_incident(store)
    one = report()
    async with store.transaction() as tx:
        await add_report(tx, INCIDENT, one)
        case = await load_case(tx, INCIDENT)
    assert case.evidence == one.evidence
    assert case.facts == one.facts
    assert case.findings == one.findings
    assert case.questions == one.questions
    assert case.gaps == one.gaps
    assert case.topology == one.topology
    assert (case.inventory, case.covered, case.round, case.onset) == ({CHECKOUT}, set(one.covered), 1, after(-720))
    assert digest_of(case.evidence[0].body.encode()) == case.evidence[0].digest


async def test_a_node_that_runs_twice_adds_nothing_twice(store: Store) -> None:
    await an_incident(store)
    for _ in range(2):
        async with store.transaction() as tx:
            await add_report(tx, INCIDENT, report())
    async with store.transaction() as tx:
        case = await load_case(tx, INCIDENT)
        assert [len(part) for part in (case.evidence, case.facts, case.findings, case.questions, case.gaps)] == [1] * 5
        assert await effort_of(tx, INCIDENT) == (3, 0.25)


async def test_four_specialists_report_at_once(store: Store) -> None:
    await an_incident(store)
    agents = (AgentName.KUBERNETES, AgentName.CICD, AgentName.OBSERVABILITY, AgentName.COST)

    async def one(agent: AgentName, number: int) -> None:
        async with store.transaction() as tx:
            await add_report(tx, INCIDENT, report(agent, number=number), key=f"q{number}")

    await asyncio.gather(*(one(agent, number) for agent in agents for number in (1, 2)))
    async with store.transaction() as tx:
        case = await load_case(tx, INCIDENT, bodies=False)
        assert len(case.evidence) == 4
        assert {evidence.body for evidence in case.evidence} == {""}
        assert await effort_of(tx, INCIDENT) == (24, 2.0)
        assert (await one_evidence(tx, INCIDENT, case.evidence[0].id)).body
        with pytest.raises(UnknownError):
            await one_evidence(tx, INCIDENT, EvidenceId("ev-none"))


async def test_the_last_diagnosis_is_that_of_the_last_round(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        assert await latest_diagnosis(tx, INCIDENT) is None
        for number in (1, 2, 2):
            diagnosis = Diagnosis(
                verdict=Verdict.INCONCLUSIVE,
                hypotheses=(),
                engine=Engine.RULES,
                reason=f"round {number}",
                at=NOW,
                round=number,
            )
            await save_diagnosis(tx, INCIDENT, diagnosis)
        assert await latest_diagnosis(tx, INCIDENT) == diagnosis
