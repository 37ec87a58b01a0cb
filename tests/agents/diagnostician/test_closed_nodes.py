"""Nodes closed for new pods: the one that the waiting pods ask for, and of several the one that was closed last."""

import pytest

from agents.diagnostician.diagnose import diagnose
from agents.diagnostician.places import name_of
from incidents.diagnosis import Diagnosis, Verdict
from incidents.fact import Fact
from tests.agents.cases import NOW, case, fact
from tests.agents.runbooks.test_shipped import LIBRARY

A, B, MAIN = "worker-1", "worker-2", "worker-3"
HURTS = fact("workload.unavailable", 0)


def closed(name: str, at: float | None) -> Fact:
    """The node was cordoned that many minutes after the onset; None: nobody knows when."""
    return fact("node.cordoned", at, of=f"node/{name}")


def waiting(*nodes: str, of: str = "checkout") -> Fact:
    """Pods of a workload wait, and these of the nodes that they ask for are closed."""
    return fact("pod.unschedulable", 0, of=of, related=[f"node/{name}" for name in nodes], reason="cordoned")


def verdict(*facts: Fact) -> Diagnosis:
    return diagnose(case(HURTS, *facts), LIBRARY, now=NOW)


def blamed(found: Diagnosis) -> list[str]:
    return [name_of(h.entity) for h in found.leading if h.cause == "nodes_cordoned"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([closed(A, -9), waiting(A)], [A], id="one"),
        pytest.param([closed(A, -9), closed(B, -40), waiting(A, B)], [A], id="the one that was closed last"),
        pytest.param([closed(A, -40), closed(B, -9), waiting(A, B)], [B], id="whatever they are called"),
        pytest.param([closed(B, None), closed(A, None), waiting(A, B)], [A], id="one, when no time is known"),
        pytest.param([closed(A, None), closed(B, -9), waiting(A, B)], [B], id="the one whose time is known"),
        pytest.param([closed(MAIN, -9), closed(B, -40), waiting(B)], [B], id="none that they do not ask for"),
        pytest.param([closed(A, -9), closed(B, -40), waiting()], [A], id="any, when their nodes are not known"),
    ],
)
def test_the_node_that_made_room_too_scarce_is_diagnosed(facts: list[Fact], expected: list[str]) -> None:
    found = verdict(*facts)
    assert found.verdict is Verdict.DIAGNOSED, found.reason
    assert blamed(found) == expected


def test_nodes_that_different_pods_wait_for_do_not_stand_for_each_other() -> None:
    facts = [closed(A, -9), waiting(A), closed(B, -40), waiting(B, of="payments")]
    found = verdict(*facts, fact("workload.unavailable", 0, of="payments"))
    assert sorted(name_of(h.entity) for h in found.hypotheses if h.cause == "nodes_cordoned") == [A, B]
