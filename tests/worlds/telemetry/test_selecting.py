"""A matcher picks among the series that there are, whatever an exporter finds out without making them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.telemetry.asking import asked
from worlds.estate.simulation import Simulation
from worlds.promql.parsing import selector_matchers
from worlds.promql.storage import Matcher, matches_all
from worlds.scenario.load import load_scenario
from worlds.telemetry.storage import EstateMetrics

SCENARIOS = Path(__file__).parents[3] / "evals" / "scenarios"
ESTATES = (SCENARIOS / "bad-deploy" / "checkout-memory-limit.yaml", SCENARIOS / "nodes" / "general-node-lost.yaml")
# What every exporter has, what some have, what tells parts of one thing apart, and what nobody has.
CONDITIONS = (
    'namespace="shop"',
    'namespace=""',
    'pod=~"checkout-.+"',
    'pod!~".+"',
    'service="checkout"',
    'service=""',
    'node=~".+-1"',
    'client!="",server=~"c.+"',
    'status=~"5.."',
    'http_response_status_code=~"2..",le="+Inf"',
    'le=""',
    'le=~"0[.].*"',
    'mode="idle"',
    'device="eth0"',
    'mountpoint!=""',
    'deployment="checkout"',
    'nobody_has_this="x"',
    'nobody_has_this!="x",namespace=~".+"',
)


def of_any_name(condition: str) -> list[Matcher]:
    return selector_matchers(f'{{__name__=~".+",{condition}}}')


@pytest.fixture(scope="module", params=ESTATES, ids=lambda path: path.stem)
def simulation(request: pytest.FixtureRequest) -> Simulation:
    world = Simulation(load_scenario(request.param))
    world.advance(world.at(0))
    return world


@pytest.mark.parametrize("condition", CONDITIONS)
def test_who_asks_for_some_is_told_those_of_all(simulation: Simulation, condition: str) -> None:
    metrics = EstateMetrics(simulation)
    start, end = simulation.at(-900), simulation.at(0)
    matchers = of_any_name(condition)
    names = sorted(metrics.metadata())
    for name in names:
        every = asked(metrics, name, start=start, end=end)
        some = asked(metrics, f"{name}{{{condition}}}", start=start, end=end)
        assert some == {key: found for key, found in every.items() if matches_all(matchers, dict(key))}, name
    told = {dict(key)["__name__"] for key in asked(metrics, f'{{__name__=~".+",{condition}}}', start=start, end=end)}
    assert set(metrics.label_values("__name__", matchers, start=start, end=end)) == told


def test_each_condition_is_met_by_some_series_somewhere(simulation: Simulation) -> None:
    """The conditions are worth trying: all but those that nobody can meet pick something and leave something."""
    metrics = EstateMetrics(simulation)
    start, end = simulation.at(-900), simulation.at(0)
    every = [dict(key) for name in metrics.metadata() for key in asked(metrics, name, start=start, end=end)]
    picked = {one: sum(matches_all(of_any_name(one), labels) for labels in every) for one in CONDITIONS}
    assert all(count < len(every) for count in picked.values())
    assert {one for one, count in picked.items() if not count} <= {'nobody_has_this="x"', 'node=~".+-1"'}
