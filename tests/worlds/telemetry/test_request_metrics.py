"""Counters of requests are the same whenever they are asked for, and a code has no series before it occurred."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.worlds.telemetry.asking import Found, asked
from worlds.estate.simulation import Simulation
from worlds.scenario.load import load_scenario
from worlds.telemetry.storage import EstateMetrics

FAILING = Path(__file__).parents[3] / "evals" / "scenarios" / "bad-deploy-code" / "mobile-null-pointer.yaml"
OVERLOADED = FAILING.parents[1] / "database-pools" / "checkout-credentials.yaml"
SELECTORS = (
    "http_server_request_duration_seconds_count",
    'http_server_request_duration_seconds_bucket{http_response_status_code=~"5..",le="+Inf"}',
    'http_server_request_duration_seconds_sum{service="mobile-api"}',
)
CODE = "http_response_status_code"


def told(metrics: EstateMetrics, simulation: Simulation, *, end: float) -> Found:
    start, until = simulation.at(-3600), simulation.at(end)
    return {
        labels: series
        for selector in SELECTORS
        for labels, series in asked(metrics, selector, start=start, end=until).items()
    }


@pytest.mark.parametrize("step", [45.0, 300.0], ids=lambda step: f"asked every {step:g} s")
def test_who_asks_on_the_way_is_told_what_who_asks_at_the_end_is(step: float) -> None:
    scenario = load_scenario(FAILING)
    once, often = Simulation(scenario), Simulation(scenario)
    at_end, on_the_way = EstateMetrics(once), EstateMetrics(often)
    once.advance(once.at(0))
    seen: list[Found] = []
    for at in np.arange(-1800.0, 1.0, step):
        often.advance(often.at(float(at)))
        seen.append(told(on_the_way, often, end=float(at)))
    often.advance(often.at(0))
    assert seen[-1] == told(at_end, once, end=0)
    for end in (-1500, -600, 0):
        assert told(on_the_way, often, end=end) == told(at_end, once, end=end)


def test_a_code_has_no_series_before_it_occurred() -> None:
    simulation = Simulation(load_scenario(OVERLOADED))
    metrics = EstateMetrics(simulation)
    simulation.advance(simulation.at(0))
    since = min(fault.at for fault in simulation.scenario.faults)

    def codes(end: float) -> set[str]:
        return {dict(labels)[CODE] for labels in told(metrics, simulation, end=end)}

    assert "503" in codes(0)
    assert "503" not in codes(since - 60), "it is known by now, but had not occurred then"
    assert "503" in codes(0)
