"""The probes against a real Prometheus that holds the small estate."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from incidents.evidence import BODY_LIMIT
from incidents.ids import EntityId
from tests.tools.prometheus.estate import END, MIB, ONSET, START
from tools.errors import PermanentError
from tools.estate import Cluster
from tools.prometheus.convention import ConventionName
from tools.prometheus.curve import Curve
from tools.prometheus.graph import GraphSource
from tools.prometheus.probes import instant, nodes, red, rules, service_graph, table, targets, usage, volumes, wide
from tools.prometheus.probes import range as range_

pytestmark = pytest.mark.prometheus

CHECKOUT = EntityId("prod/shop/deployment/checkout")
CART = EntityId("prod/shop/deployment/cart")
PAYMENTS = EntityId("prod/shop/deployment/payments")
NOBODY = EntityId("prod/shop/deployment/nobody")
WHOLE = {"start": START, "end": END}


def value_at(curve: Curve | None, minutes: float) -> float:
    assert curve is not None
    found = curve.values[round(((ONSET - curve.start).total_seconds() + minutes * 60) / curve.step)]
    assert found is not None
    return found


CONVENTIONS = [
    pytest.param(CHECKOUT, ConventionName.OTEL, 36.0, 4 / 40, 0.09, 0.4, id="OpenTelemetry, the namespace told apart"),
    pytest.param(CART, ConventionName.CLASSIC, 30.3, 0.3 / 30.3, 0.02, 0.02, id="classic"),
    pytest.param(PAYMENTS, ConventionName.ISTIO, 8.0, 2 / 10, 0.09, 0.09, id="Istio, every request counted once"),
]


@pytest.mark.parametrize(("entity", "convention", "rate", "errors", "slow_before", "slow_after"), CONVENTIONS)
async def test_red_finds_the_convention_and_its_figures(
    cluster: Cluster,
    entity: EntityId,
    convention: ConventionName,
    rate: float,
    errors: float,
    slow_before: float,
    slow_after: float,
) -> None:
    seen = await red.PROBE.run(cluster, red.RedArgs(entity=entity, **WHOLE))
    assert seen.view.convention is convention
    assert value_at(seen.view.traffic, -10) == pytest.approx(rate, rel=0.02)
    assert value_at(seen.view.error_ratio, 10) == pytest.approx(errors, rel=0.02)
    below, above = _bucket(slow_before)
    assert below < value_at(seen.view.p99, -10) <= above
    below, above = _bucket(slow_after)
    assert below < value_at(seen.view.p99, 10) <= above
    assert seen.entities == (entity,)
    assert "rate(" in seen.evidence.query


def _bucket(latency: float) -> tuple[float, float]:
    bounds = (0.0, 0.005, 0.025, 0.1, 0.25, 0.5)
    return next((low, high) for low, high in pairwise(bounds) if low < latency <= high)


async def test_red_says_that_there_is_nothing_and_claims_nothing(cluster: Cluster) -> None:
    seen = await red.PROBE.run(cluster, red.RedArgs(entity=NOBODY, **WHOLE))
    assert seen.view.metrics is None
    assert seen.entities == ()


async def test_red_before_the_onset_has_no_failures_and_says_zero(cluster: Cluster) -> None:
    seen = await red.PROBE.run(cluster, red.RedArgs(entity=CHECKOUT, **WHOLE))
    assert value_at(seen.view.error_ratio, -10) == 0.0
    assert seen.view.metrics is not None
    assert seen.view.metrics.interval == pytest.approx(15, rel=0.05)


async def test_usage_has_limits_before_and_after_and_not_the_neighbours_pods(cluster: Cluster) -> None:
    seen = await usage.PROBE.run(cluster, usage.UsageArgs(entity=CHECKOUT, **WHOLE))
    (app,) = seen.view.containers
    assert app.container == "app"
    assert value_at(app.memory, -10) == 340 * MIB
    assert value_at(app.memory_limit, -10) == 512 * MIB
    assert value_at(app.memory_limit, 10) == 256 * MIB
    assert value_at(app.memory_all, -10) == 680 * MIB
    assert value_at(app.pods, -10) == 2
    assert value_at(app.cpu, -10) == pytest.approx(0.12, rel=0.02)
    assert value_at(app.cpu_all, -10) == pytest.approx(0.24, rel=0.02)
    assert value_at(app.cpu_request, -10) == 0.1
    assert value_at(app.throttled, 10) == pytest.approx(0.4, rel=0.02)
    assert value_at(app.restarts, 10) == 6


async def test_service_graph_has_callers_and_callees_but_not_strangers(cluster: Cluster) -> None:
    seen = await service_graph.PROBE.run(
        cluster, service_graph.ServiceGraphArgs(services=("checkout",), hops=1, **WHOLE)
    )
    assert seen.view.source is GraphSource.SERVICE_GRAPH
    calls = {(call.client, call.server): call for call in seen.view.calls}
    assert set(calls) == {("web", "checkout"), ("checkout", "payments"), ("checkout", "cart")}
    assert value_at(calls["web", "checkout"].failed, 10) == pytest.approx(3, rel=0.02)
    assert calls["checkout", "payments"].failed is None
    assert ("ads", "tracker", pytest.approx(4.0, rel=0.02)) in seen.view.known


async def test_nodes_are_named_by_their_own_name(cluster: Cluster) -> None:
    seen = await nodes.PROBE.run(cluster, nodes.NodesArgs(nodes=(EntityId("prod/-/node/worker-1"),), **WHOLE))
    (node,) = seen.view.nodes
    assert node.node == "worker-1"
    assert value_at(node.memory_available, 10) == pytest.approx(0.025)
    assert value_at(node.cpu, 10) == pytest.approx(0.9, rel=0.02)
    assert value_at(node.disk_available, 10) == 0.5
    assert node.conntrack is None


async def test_volumes_fill(cluster: Cluster) -> None:
    seen = await volumes.PROBE.run(cluster, volumes.VolumesArgs(cluster="prod", namespace="shop", **WHOLE))
    (volume,) = seen.view.volumes
    assert volume.claim == "prod/shop/persistentvolumeclaim/data-db-0"
    assert value_at(volume.used, 0) == pytest.approx(8.36e9, rel=0.001)


async def test_targets_that_are_down(cluster: Cluster) -> None:
    seen = await targets.PROBE.run(cluster, targets.TargetsArgs(entity=CHECKOUT, at=END))
    assert [target.up for target in seen.view.targets] == [False, False]


async def test_rules_by_name(cluster: Cluster) -> None:
    seen = await rules.PROBE.run(cluster, rules.RulesArgs(alerts=("CheckoutErrors",)))
    (rule,) = seen.view.rules
    assert rule.for_seconds == 60
    assert "http_response_status_code" in rule.query


async def test_wide_reads_counters_as_rates_and_gauges_as_they_are(cluster: Cluster) -> None:
    seen = await wide.PROBE.run(cluster, wide.WideArgs(entity=CHECKOUT, **WHOLE))
    assert value_at(seen.view.metrics["container_memory_working_set_bytes"], 10) == pytest.approx(128 * MIB, rel=0.01)
    assert value_at(seen.view.metrics["http_server_request_duration_seconds_count"], -10) == pytest.approx(36, rel=0.05)
    assert not any(name.endswith("_bucket") for name in seen.view.metrics)


async def test_instant_and_range_answer_any_query(cluster: Cluster) -> None:
    one = await instant.PROBE.run(cluster, instant.InstantArgs(query="count(up)", at=END))
    assert [sample.value for sample in one.view.samples] == [3]
    scalar = await instant.PROBE.run(cluster, instant.InstantArgs(query="1 + 1"))
    assert [sample.value for sample in scalar.view.samples] == [2]
    many = await range_.PROBE.run(cluster, range_.RangeArgs(query="up", **WHOLE))
    assert len(many.view.curves) == 3
    assert max(len(curve.values) for curve in many.view.curves) <= 240


async def test_a_wrong_query_says_what_is_wrong(cluster: Cluster) -> None:
    with pytest.raises(PermanentError, match="parse error"):
        await instant.PROBE.run(cluster, instant.InstantArgs(query="sum(", at=END))


async def test_a_day_fits_into_one_evidence_body(cluster: Cluster) -> None:
    window = {"start": END - timedelta(days=1), "end": END}
    for probe, args in (
        (red.PROBE, red.RedArgs(entity=CHECKOUT, **window)),
        (usage.PROBE, usage.UsageArgs(entity=CHECKOUT, **window)),
        (service_graph.PROBE, service_graph.ServiceGraphArgs(services=("checkout",), **window)),
        (wide.PROBE, wide.WideArgs(entity=CHECKOUT, **window)),
    ):
        seen = await probe.run(cluster, args)
        assert len(seen.evidence.body) < BODY_LIMIT
        assert seen.evidence.cut is None


async def test_a_table_has_every_metric_of_every_workload(cluster: Cluster) -> None:
    space = EntityId("prod/-/namespace/shop")
    seen = await table.PROBE.run(cluster, table.TableArgs(namespace=space, onset=ONSET, end=END))
    rows = {(row.workload, row.metric): row.curve for row in seen.view.rows if not row.quantile}
    assert seen.view.interval == pytest.approx(15, rel=0.1)
    checkout = rows["checkout", "http_server_request_duration_seconds_count"]
    assert value_at(checkout, -10) == pytest.approx(36, rel=0.05)
    assert value_at(rows["checkout", "container_memory_working_set_bytes"], 10) == pytest.approx(255 * MIB, rel=0.01)
    assert value_at(rows["checkout", table.FAILED], 10) == pytest.approx(4, rel=0.05)
    assert value_at(rows["cart", table.FAILED], 10) == pytest.approx(0.3, rel=0.05)
    assert len({(curve.start, curve.step, len(curve.values)) for curve in rows.values()}) == 1, "one grid"
    assert not any(metric.startswith("kube_") or metric.endswith("_bucket") for _, metric in rows)
    assert seen.evidence.cut is None or "values is kept" in seen.evidence.cut


async def test_a_table_of_nothing_says_so(cluster: Cluster) -> None:
    seen = await table.PROBE.run(
        cluster, table.TableArgs(namespace=EntityId("prod/-/namespace/nowhere"), onset=ONSET, end=END)
    )
    assert seen.view.rows == ()


@pytest.mark.parametrize(
    ("interval", "history", "step"),
    [(1.0, 15, 10.0), (15.0, 75, 30.0), (60.0, 300, 120.0), (300.0, 360, 300.0)],
    ids=["every second", "four times a minute", "every minute", "every five minutes"],
)
def test_a_table_looks_back_as_far_as_samples_are_dense(interval: float, history: float, step: float) -> None:
    args = table.TableArgs(namespace=EntityId("prod/-/namespace/shop"), onset=ONSET, end=END)
    window, found = table.window_of(args, interval=interval)
    assert (ONSET - window.start) == timedelta(minutes=history)
    assert found == step
    assert (window.end - window.start) / timedelta(seconds=step) <= table.MOST_POINTS
