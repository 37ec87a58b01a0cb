"""Request metrics in each of the three conventions that estates use: same traffic, other names."""

from pathlib import Path

import pytest

from worlds.clock import HandClock
from worlds.promql.result import VectorResult
from worlds.scenario.load import load_scenario
from worlds.world import Estate

SCENARIO = """
title: Conventions
estate:
  http_metrics: {convention}
  workloads:
    - {{name: web, traffic: {{rps: 50, noise: 0, daily_swing: 0}}, calls: [{{to: api}}], host: web.example}}
    - {{name: api, behaviour: {{latency: 40ms, error_rate: 0.05}}}}
history: 20m
truth: {{healthy: true}}
"""
ERRORS = {
    "otel": 'sum(rate(http_server_request_duration_seconds_count{service="api",http_response_status_code=~"5.."}[5m]))'
    ' / sum(rate(http_server_request_duration_seconds_count{service="api"}[5m]))',
    "classic": 'sum(rate(http_requests_total{service="api",code=~"5.."}[5m])) / sum(rate(http_requests_total{service="api"}[5m]))',
    "istio": 'sum(rate(istio_requests_total{destination_workload="api",response_code=~"5.."}[5m]))'
    ' / sum(rate(istio_requests_total{destination_workload="api"}[5m]))',
}
MEDIANS = {
    "otel": 'histogram_quantile(0.5, sum by (le) (rate(http_server_request_duration_seconds_bucket{service="api"}[5m])))',
    "classic": 'histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket{service="api"}[5m])))',
    "istio": 'histogram_quantile(0.5, sum by (le) (rate(istio_request_duration_milliseconds_bucket{destination_workload="api"}[5m]))) / 1000',
}


@pytest.fixture(params=["otel", "classic", "istio"])
def convention(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def estate(convention: str, tmp_path: Path) -> Estate:
    path = tmp_path / "conventions.yaml"
    path.write_text(SCENARIO.format(convention=convention))
    scenario = load_scenario(path)
    made = Estate(scenario, clock=HandClock(scenario.now))
    made.catch_up()
    return made


def value(estate: Estate, query: str) -> float:
    answer = estate.rules.engine.instant(query, at=estate.now().timestamp())
    assert isinstance(answer, VectorResult)
    assert len(answer.samples) == 1, query
    return float(answer.samples[0].value)


def test_error_rate_and_latency_are_those_of_the_scenario(estate: Estate, convention: str) -> None:
    assert value(estate, ERRORS[convention]) == pytest.approx(0.05, abs=0.004)
    assert value(estate, MEDIANS[convention]) == pytest.approx(0.042, rel=0.25)


def test_the_other_conventions_are_not_there(estate: Estate, convention: str) -> None:
    for other in set(ERRORS) - {convention}:
        answer = estate.rules.engine.instant(ERRORS[other], at=estate.now().timestamp())
        assert isinstance(answer, VectorResult)
        assert not answer.samples


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            'rate(traces_service_graph_request_total{client="web",server="api"}[5m])',
            50.0,
            id="calls by the service graph",
        ),
        pytest.param(
            'sum(rate(nginx_ingress_controller_requests{exported_service="web"}[5m]))',
            50.0,
            id="requests at the ingress",
        ),
        pytest.param("count(kube_node_info)", 3.0, id="nodes"),
        pytest.param(
            'sum(kube_pod_container_resource_limits{resource="memory",container="api"})', 2 * 256 * 2**20, id="limits"
        ),
        pytest.param('kube_deployment_status_replicas_available{deployment="api"}', 2.0, id="available replicas"),
        pytest.param(
            'sum(rate(container_cpu_usage_seconds_total{container="api"}[5m]))', 2 * 0.015 + 50 * 0.004, id="CPU"
        ),
        pytest.param('sum(up{job="api"})', 2.0, id="targets"),
        pytest.param("sum(node_total_hourly_cost)", 3 * 0.19, id="prices"),
    ],
)
def test_exporters_agree_with_the_estate(estate: Estate, query: str, expected: float) -> None:
    assert value(estate, query) == pytest.approx(expected, rel=0.06)


def test_every_metric_is_described(estate: Estate) -> None:
    known = estate.metrics.metadata()
    assert len(known) > 60
    assert all(meta.type and meta.help for meta in known.values())


ENDS = """
title: Ends
estate:
  workloads: [{name: web, replicas: 2, traffic: {rps: 20}, behaviour: {startup: 4s}}]
faults:
  - {kind: deploy, at: -2m, workload: default/web, change: {tag: "2"}, effect: {exit_code: 1, exit_after: 1s}}
history: 10m
truth: {cause: x, entity: default/deployment/web}
"""


def test_what_is_gone_does_not_linger(tmp_path: Path) -> None:
    path = tmp_path / "ends.yaml"
    path.write_text(ENDS)
    scenario = load_scenario(path)
    estate = Estate(scenario, clock=HandClock(scenario.now))
    estate.catch_up()
    now = estate.now().timestamp()

    def pods(query: str) -> set[str]:
        answer = estate.rules.engine.instant(query, at=now)
        assert isinstance(answer, VectorResult)
        return {sample.labels["pod"] for sample in answer.samples}

    old, new = pods("container_memory_working_set_bytes"), pods("kube_pod_container_status_waiting_reason")
    assert pods("kube_pod_info") == old | new
    assert not old & new
    assert pods('kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}') == new
    assert not pods('kube_pod_container_status_waiting_reason{reason="ContainerCreating"}')
    assert pods('up{job="web"} == 1') == old
