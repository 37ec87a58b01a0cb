"""One slow pod, one slow node, and slowness that all share are told apart by siblings and by where they run."""

from __future__ import annotations

from typing import Any

import pytest

from agents.observability.detectors import slow_pods
from tests.agents.cases import CLUSTER
from tests.agents.cases import entity as entity_id
from tests.agents.observability.seeing import curve, facts, seen, steps
from tools.probe import Observation
from tools.prometheus.probes.pod_latency import PodLatency, PodLatencyView

WELL, SLOW = 0.02, steps(0.02, 0.3)


def pods(of: str, *levels: tuple[str | None, Any]) -> Observation[Any]:
    """Pods of a workload with the node and the median latency of each."""
    found = [PodLatency(pod=f"{of}-{i}", node=node, p50=curve(level)) for i, (node, level) in enumerate(levels)]
    return seen(PodLatencyView(entity=entity_id(of), pods=tuple(found)), entities=[entity_id(of)])


ONE = pods("cart", ("n1", SLOW), ("n2", WELL), ("n3", WELL))
OTHERS = pods("web", ("n1", WELL), ("n2", WELL))


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        pytest.param([ONE, OTHERS], [("pod.slow", "pod/cart-0")], id="one pod, and its neighbour on the node is well"),
        pytest.param([ONE, pods("web", ("n1", SLOW), ("n2", WELL))], [("node.slow", "node/n1")], id="pods of two workloads on one node"),
        pytest.param([pods("cart", ("n1", SLOW), ("n2", SLOW), ("n3", SLOW))], [], id="all pods: it is the workload's own matter"),
        pytest.param([pods("cart", ("n1", SLOW), ("n2", SLOW), ("n3", WELL))], [], id="most pods"),
        pytest.param([pods("cart", ("n1", 0.03), ("n2", 0.02), ("n3", 0.02))], [], id="half as much again"),
        pytest.param([pods("cart", (None, SLOW), (None, WELL), (None, WELL)), pods("web", (None, SLOW), (None, WELL))], [("pod.slow", "pod/cart-0"), ("pod.slow", "pod/web-0")], id="nobody says where pods run"),
        pytest.param([pods("cart", ("n1", SLOW))], [], id="no sibling to compare with"),
    ],
)  # fmt: skip
def test_who_is_slow(views: list[Observation[Any]], expected: list[tuple[str, str]]) -> None:
    found = sorted((fact.kind, fact.entity) for fact in facts(slow_pods.DETECTOR, *views))
    ids = {"pod": entity_id, "node": lambda text: f"{CLUSTER}/-/{text}"}
    assert found == [(kind, ids[name.partition("/")[0]](name)) for kind, name in expected]


def test_a_slow_pod_is_dated_and_says_what_its_siblings_take() -> None:
    (fact,) = facts(slow_pods.DETECTOR, ONE)
    assert fact.text.startswith("pod cart-0 of cart takes 300 ms where its siblings take 20 ms since 02:3")
    assert fact.related == (entity_id("cart"),)
