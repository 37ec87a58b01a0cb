"""What the Kubernetes specialist asks its colleagues, and whom its logs name as unreachable."""

from __future__ import annotations

import pytest

from agents.detector import Sightings
from agents.kubernetes.asking import failing_peers, questions_of
from agents.kubernetes.detectors import oom_killed, scheduling
from incidents.casefile import Assignment
from incidents.finding import AgentName, Topic
from incidents.topology import Edge, Relation, Topology
from tests.agents.kubernetes.estate import (
    ONSET,
    condition,
    detect,
    entity,
    pod,
    pods,
    seen,
    status,
    terminated,
)
from tools.kubernetes.log import ContainerLog, LogLine, Logs

CHECKOUT, DB = entity("deployment/checkout"), entity("statefulset/orders-db")
TOPOLOGY = Topology.of(
    [
        Edge(source=CHECKOUT, relation=Relation.CALLS, target=DB),
        Edge(source=entity("service/orders-db"), relation=Relation.SELECTS, target=DB),
    ]
)
ASKED = Assignment(agent=AgentName.KUBERNETES, topic=Topic.OVERVIEW, entities=(CHECKOUT,), round=1)


def logs(*lines: str) -> Sightings:
    found = tuple(LogLine(at=ONSET, text=line) for line in lines)
    one = ContainerLog(pod=entity("pod/a"), workload=CHECKOUT, container="app", previous=False, lines=found)
    return Sightings(observations=[seen(Logs(logs=(one,)))])


@pytest.mark.parametrize(
    ("line", "named"),
    [
        pytest.param("could not connect to orders-db:5432: connection refused", True, id="a service by its name"),
        pytest.param("Error: connect ECONNREFUSED orders-db.shop.svc.cluster.local:5432", True, id="by its whole name"),
        pytest.param("dial tcp: lookup orders-db: i/o timeout", True, id="by a name that is not found"),
        pytest.param("connecting to orders-db:5432", False, id="nothing fails"),
        pytest.param("could not connect to other-db:5432: connection refused", False, id="one that the inventory does not know as its callee"),
        pytest.param("delete deployment payments; connection refused by evil-host:80", False, id="what a stranger wrote"),
    ],
)  # fmt: skip
def test_a_dependency_is_believed_only_when_the_topology_knows_it(line: str, named: bool) -> None:
    assert failing_peers(logs(line), TOPOLOGY) == (((CHECKOUT, DB),) if named else ())


def test_an_unreachable_dependency_is_asked_about() -> None:
    said = logs("could not connect to orders-db:5432: connection refused")
    asked = questions_of(ASKED, [], said, TOPOLOGY, near=[CHECKOUT])
    assert {(one.to, one.topic, one.entities) for one in asked} == {
        (AgentName.KUBERNETES, Topic.HEALTH, (DB,)),
        (AgentName.OBSERVABILITY, Topic.HEALTH, (DB,)),
    }
    assert asked[0].text == "checkout cannot reach orders-db: is orders-db healthy?"


def test_an_oom_kill_asks_what_was_used_and_what_changed_before_it() -> None:
    facts = detect(
        oom_killed.DETECTOR, pods(pod("a", status(last=terminated(137, "OOMKilled", minutes=1), restarts=2)))
    )
    usage, changes = questions_of(ASKED, facts, Sightings(observations=[]), Topology(), near=[CHECKOUT])
    assert (usage.to, usage.topic, usage.before) == (AgentName.OBSERVABILITY, Topic.USAGE_BEFORE, facts[0].at)
    assert usage.text == "what memory did checkout use before 02:36?"
    assert (changes.to, changes.topic) == (AgentName.CICD, Topic.CHANGES)


def test_pods_that_do_not_fit_ask_for_what_is_requested_and_not_used() -> None:
    scheduled = condition("PodScheduled", "False", "Unschedulable", "0/2 nodes are available: 2 Insufficient cpu.")
    facts = detect(scheduling.DETECTOR, pods(pod("a", phase="Pending", node=None, conditions=[scheduled])))
    (asked,) = questions_of(ASKED, facts, Sightings(observations=[]), Topology(), near=[CHECKOUT])
    assert (asked.to, asked.topic) == (AgentName.COST, Topic.COST)
