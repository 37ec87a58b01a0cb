"""System services of nodes and what their networks send again, from curves that step at the onset."""

from __future__ import annotations

import pytest

from agents.observability.detectors import retransmits, units
from tests.agents.observability.seeing import curve, facts, seen, steps
from tools.prometheus.probes.nodes import NodesView, NodeUse
from tools.prometheus.probes.units import Unit, UnitsView


def unit(before: float, after: float) -> UnitsView:
    ran = curve(steps(before, after), ripple=0)
    return UnitsView(stopped=(Unit(node="n-1", unit="containerd", role="runtime", active=ran),), watched=4)


def test_a_service_that_stopped_is_a_fact_of_its_node_since_then() -> None:
    (fact,) = facts(units.DETECTOR, seen(unit(1, 0)))
    assert (fact.kind, fact.attributes["part"], fact.attributes["unit"]) == ("node.unit_down", "runtime", "containerd")
    assert fact.at is not None
    assert fact.entity.endswith("/-/node/n-1")


def test_a_service_that_never_ran_there_is_none() -> None:
    assert not facts(units.DETECTOR, seen(unit(0, 0)))


@pytest.mark.parametrize(
    ("levels", "blamed"),
    [
        pytest.param({"a": (0.1, 9.0), "b": (0.1, 0.2)}, ["a"], id="one node loses packets"),
        pytest.param({"a": (0.1, 9.0), "b": (0.1, 2.5)}, ["a"], id="the other end of it loses fewer"),
        pytest.param({"a": (6.0, 9.0)}, [], id="it always lost some"),
        pytest.param({"a": (0.0, 0.5)}, [], id="too few to be felt"),
    ],
)
def test_nodes_that_send_again_far_more_than_before(levels: dict[str, tuple[float, float]], blamed: list[str]) -> None:
    uses = tuple(NodeUse(node=name, retransmits=curve(steps(*level), ripple=0)) for name, level in levels.items())
    found = facts(retransmits.DETECTOR, seen(NodesView(nodes=uses)))
    assert [fact.entity.rsplit("/", 1)[-1] for fact in found] == blamed
