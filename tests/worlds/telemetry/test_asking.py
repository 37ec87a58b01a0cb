"""What exporters keep from one question to the next changes no answer: who asks often is told what who asks once is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.worlds.telemetry.asking import asked
from worlds.estate.simulation import Simulation
from worlds.promql.parsing import selector_matchers
from worlds.scenario.load import load_scenario
from worlds.telemetry.storage import EstateMetrics

SCENARIOS = Path(__file__).parents[3] / "evals" / "scenarios"
REFERENCE = SCENARIOS / "bad-deploy" / "checkout-memory-limit.yaml"
SELECTORS = (
    'traces_service_graph_request_total{client="web"}',
    'traces_service_graph_request_failed_total{server=~"checkout|cart"}',
    'traces_service_graph_request_server_seconds_bucket{server="checkout",le=~"0.1|.Inf"}',
    'traces_service_graph_request_server_seconds_sum{client=~".+"}',
    'nginx_ingress_controller_requests{status="502"}',
    "nginx_ingress_controller_request_duration_seconds_count",
    'container_cpu_usage_seconds_total{pod=~"checkout-.+"}',
    'container_cpu_cfs_throttled_periods_total{namespace="shop"}',
    'kube_pod_container_status_restarts_total{namespace="shop"}',
    'kube_pod_status_phase{phase="Running",pod=~"checkout-.+"}',
    'up{service="checkout"}',
)


@pytest.mark.parametrize("step", [40.0, 290.0], ids=lambda step: f"asked every {step:g} s")
def test_who_asks_on_the_way_is_told_what_who_asks_at_the_end_is(step: float) -> None:
    scenario = load_scenario(REFERENCE)
    once, often = Simulation(scenario), Simulation(scenario)
    at_end, on_the_way = EstateMetrics(once), EstateMetrics(often)
    for at in np.arange(-1200.0, 120.0, step):
        often.advance(often.at(float(at)))
        for selector in SELECTORS:
            asked(on_the_way, selector, start=often.at(float(at) - 300), end=often.at(float(at)))
    often.advance(often.at(120))
    once.advance(once.at(120))
    for selector in SELECTORS:
        for start, end in ((-3600, 120), (-700, -400), (100, 120)):
            expected = asked(at_end, selector, start=once.at(start), end=once.at(end))
            assert asked(on_the_way, selector, start=once.at(start), end=once.at(end)) == expected, (selector, start)
        assert asked(at_end, selector, start=once.at(-3600), end=once.at(120)), f"the control: there is {selector}"


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ('kube_pod_status_phase{phase="Running"}', {"phase": "Running"}),
        ('kube_pod_status_phase{phase="Running",namespace="nowhere"}', None),
        ('kube_pod_status_phase{phase="",namespace="shop"}', None),
        ('kube_pod_status_phase{nobody="",namespace="shop"}', {"namespace": "shop"}),
        ('kube_pod_status_phase{phase!="Running",namespace="shop"}', {"namespace": "shop"}),
        ('traces_service_graph_request_total{connection_type="",client="web"}', {"client": "web"}),
        ('traces_service_graph_request_total{connection_type="database"}', {"connection_type": "database"}),
        ('traces_service_graph_request_server_seconds_bucket{le=""}', None),
    ],
)
def test_a_selector_finds_what_it_names(selector: str, labels: dict[str, str] | None) -> None:
    simulation = Simulation(load_scenario(REFERENCE))
    simulation.advance(simulation.at(0))
    matchers = selector_matchers(selector)
    found = asked(EstateMetrics(simulation), selector, start=simulation.at(-600), end=simulation.at(0))
    assert bool(found) == (labels is not None)
    for key in found:
        assert all(one.matches(dict(key).get(one.name, "")) for one in matchers)
        assert (labels or {}).items() <= dict(key).items()
