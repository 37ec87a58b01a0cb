"""What is told first is what users feel; what only a graph shows comes last."""

import pytest

from agents.felt import distance
from tests.agents.cases import fact


@pytest.mark.parametrize(
    ("nearer", "farther"),
    [
        pytest.param("errors.elevated", "latency.elevated", id="failing before slow"),
        pytest.param("latency.elevated", "workload.unavailable", id="slow before missing pods"),
        pytest.param("workload.unavailable", "container.crash_loop", id="pods before what the order does not name"),
        pytest.param(
            "container.crash_loop", "metric.shifted", id="anything that has a name before a figure of a graph"
        ),
    ],
)
def test_users_come_before_graphs(nearer: str, farther: str) -> None:
    assert distance(fact(nearer)) < distance(fact(farther))
