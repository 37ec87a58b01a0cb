"""Facts out of calls, logs, alerts, nodes and volumes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from agents.detector import Sightings
from agents.observability.calls import edges_of, most_called_first, troubled
from agents.observability.concluding import findings, questions, ruled_out
from agents.observability.detectors import (
    alerts,
    dependencies,
    disks,
    log_classes,
    log_patterns,
    metric_shifts,
    nodes,
    upstream,
)
from agents.observability.edges import inventory_of, topology_of
from incidents.casefile import Assignment
from incidents.finding import AgentName, Topic
from incidents.ids import EntityId
from tests.agents.cases import CLUSTER, ONSET
from tests.agents.cases import entity as entity_id
from tests.agents.observability.seeing import CHECKOUT, NOW, call, curve, facts, graph, kinds, scene, seen, steps
from tools.alertmanager.client import ActiveAlert, Matcher, Silence
from tools.alertmanager.probes.alerts import AlertsView
from tools.alertmanager.probes.silences import SilencesView
from tools.loki.line import Level
from tools.loki.mining import LogTemplate
from tools.loki.probes.templates import TemplatesView
from tools.probe import Observation
from tools.prometheus.probes.nodes import NodesView, NodeUse
from tools.prometheus.probes.volumes import VolumesView, VolumeUse
from tools.prometheus.probes.wide import WideView

PAYMENTS, WEB, CART = (EntityId(entity_id(name)) for name in ("payments", "web", "cart"))
SCENE = scene(inventory=[PAYMENTS, WEB, CART])

# ---------------------------------------------------------------------------------------------------------------------
# Calls
# ---------------------------------------------------------------------------------------------------------------------

PAYMENTS_FAIL = graph(
    call("checkout", "payments", failing=steps(0.001, 0.4, at=-2)),
    call("web", "checkout", failing=steps(0.001, 0.3, at=0)),
    call("checkout", "cart"),
    call("checkout", "cards.example"),
)


def test_failing_calls_are_told_about_whom_they_call_with_their_onset() -> None:
    found = {(fact.kind, fact.entity): fact for fact in facts(dependencies.DETECTOR, PAYMENTS_FAIL, at=SCENE)}
    payments = found["dependency.errors", PAYMENTS]
    assert payments.attributes["rate"] == pytest.approx(0.4, rel=0.02)
    assert payments.attributes["caller"] == "checkout"
    checkout = found["dependency.errors", CHECKOUT]
    assert payments.at is not None
    assert checkout.at is not None
    assert payments.at < checkout.at, "who failed first"
    assert ("dependency.healthy", CART) in found
    assert ("dependency.healthy", EntityId(f"{CLUSTER}/-/external/cards.example")) in found
    assert ("dependency.healthy", PAYMENTS) not in found
    assert ("dependency.healthy", CHECKOUT) not in found


def test_slow_calls() -> None:
    slow = graph(call("checkout", "payments", p99=steps(0.05, 2.0)))
    (fact,) = facts(dependencies.DETECTOR, slow, at=SCENE)
    assert fact.kind == "dependency.slow"
    assert fact.attributes["p99_s"] == pytest.approx(2.0, rel=0.02)


def test_callers_of_what_is_in_trouble_are_victims() -> None:
    (fact,) = facts(upstream.DETECTOR, PAYMENTS_FAIL, at=SCENE)
    assert (fact.kind, fact.entity) == ("upstream.affected", WEB)


def test_what_lasts_says_since_when_a_caller_suffers_and_not_what_is_over() -> None:
    def while_it_rolled_out(minutes: float) -> float:
        return 2.0 if -15 <= minutes < -8 else 0.2

    (fact,) = facts(
        upstream.DETECTOR,
        graph(call("web", "checkout", p99=while_it_rolled_out, failing=steps(0.001, 0.3, at=0))),
        at=SCENE,
    )
    assert (fact.at, fact.until) == (ONSET, None)
    assert fact.text == "web suffers from checkout: its calls fail since 02:35"
    (over,) = facts(upstream.DETECTOR, graph(call("web", "checkout", p99=while_it_rolled_out)), at=SCENE)
    assert over.text == "web suffers from checkout: its calls are slow from 02:20 to 02:27"
    assert over.until == ONSET - timedelta(minutes=8)


def test_those_that_others_lead_to_come_first() -> None:
    sightings = Sightings(observations=[PAYMENTS_FAIL])
    for asked in ((WEB, CHECKOUT, PAYMENTS, CART), (CART, PAYMENTS, CHECKOUT, WEB)):
        found = most_called_first(sightings, SCENE, asked)
        assert set(found[:2]) == {PAYMENTS, CART}
        assert found[2:] == (CHECKOUT, WEB)
    nothing_known = (WEB, EntityId(entity_id("search")))
    assert most_called_first(sightings, SCENE, nothing_known) == nothing_known


def test_a_name_in_two_namespaces_is_that_of_the_incident() -> None:
    other = EntityId(PAYMENTS.replace("/shop/", "/staging/"))
    here = scene(inventory=[PAYMENTS, other])
    assert [
        fact.entity
        for fact in facts(
            dependencies.DETECTOR, graph(call("checkout", "payments", failing=steps(0.001, 0.4))), at=here
        )
    ] == [PAYMENTS]


def test_calls_become_edges_with_their_rate() -> None:
    edges = list(edges_of(Sightings(observations=[PAYMENTS_FAIL]), SCENE))
    assert (CHECKOUT, PAYMENTS, 20.0) in edges
    assert troubled(Sightings(observations=[PAYMENTS_FAIL]), SCENE, [CHECKOUT]) == (PAYMENTS,)


def test_what_is_concluded_from_calls() -> None:
    assignment = Assignment(agent=AgentName.OBSERVABILITY, topic=Topic.OVERVIEW, entities=(CHECKOUT,), round=1)
    known = facts(dependencies.DETECTOR, PAYMENTS_FAIL, at=SCENE) + facts(upstream.DETECTOR, PAYMENTS_FAIL, at=SCENE)
    told = [one.text for one in findings(assignment, known, near=[CHECKOUT], behind=[PAYMENTS, CART], at=NOW)]
    assert told[0].startswith("in trouble first: payments (02:33), then checkout (02:35)")
    assert "web suffers from checkout since 02:35" in told
    assert any(text.startswith("40 % of calls from checkout to payments fail") for text in told)
    assert {one.entity for one in ruled_out(known)} >= {CART}
    asked = [(one.to, one.topic, one.entities) for one in questions(assignment, known, behind=[PAYMENTS, CART])]
    assert asked == [
        (AgentName.KUBERNETES, Topic.HEALTH, (PAYMENTS,)),
        (AgentName.CICD, Topic.CHANGES, (PAYMENTS,)),
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Logs
# ---------------------------------------------------------------------------------------------------------------------


def template(text: str, *, before: int = 0, after: int = 20, level: Level = Level.ERROR) -> LogTemplate:
    first = ONSET if before == 0 else ONSET - timedelta(minutes=30)
    return LogTemplate(
        template=text, level=level, before=before, after=after, first=first, first_after=ONSET, last=NOW, example=text
    )


def logs(*templates: LogTemplate, lines_before: int = 500) -> Observation[Any]:
    view = TemplatesView(
        entity=CHECKOUT, since=ONSET, lines_before=lines_before, lines_after=200, minutes_before=45, minutes_after=15,
        templates=templates,
    )  # fmt: skip
    return seen(view, entities=[CHECKOUT])


def test_a_new_error_is_a_fact_and_new_good_news_is_none() -> None:
    observation = logs(template("cannot pay"), template("started", level=Level.INFO))
    (fact,) = facts(log_patterns.DETECTOR, observation)
    assert (fact.kind, fact.attributes["count"], fact.at) == ("log.new_pattern", 20, ONSET)
    assert fact.strength == 1
    assert facts(log_patterns.DETECTOR, logs(template("cannot pay"), lines_before=0))[0].strength < 1


def test_a_line_that_comes_ten_times_as_often_surges() -> None:
    assert kinds(log_patterns.DETECTOR, logs(template("retrying", before=30, after=100))) == ["log.surge"]
    assert kinds(log_patterns.DETECTOR, logs(template("retrying", before=300, after=100))) == []


@pytest.mark.parametrize(
    ("before", "after", "dated"),
    [
        pytest.param(0, 20, True, id="never said before"),
        pytest.param(2, 60, True, id="said twice in three quarters of an hour before"),
        pytest.param(90, 400, False, id="said all the time: the next line is no beginning"),
    ],
)
def test_only_lines_that_were_rare_date_their_trouble(before: int, after: int, dated: bool) -> None:
    observation = logs(template("Call to payments failed: connection refused", before=before, after=after))
    found = [*facts(log_patterns.DETECTOR, observation), *facts(log_classes.DETECTOR, observation, at=SCENE)]
    assert {fact.kind for fact in found} >= {"log.error_class"}
    assert {fact.at for fact in found} == {ONSET if dated else None}


def test_lines_name_their_failure_and_the_workload_behind_the_name() -> None:
    observation = logs(
        template("Call to payments failed: connection refused"),
        template("Call to payments failed: connection reset by peer"),
        template("dial tcp: i/o timeout", before=300, after=100),
        template("cannot be classified: it failed", before=300, after=100),
        template("a warning that cannot be classified: it failed", level=Level.WARN),
    )
    (fact,) = facts(log_classes.DETECTOR, observation, at=SCENE)
    assert fact.attributes["class"] == "connection_refused"
    assert fact.attributes["peer"] == "payments"
    assert fact.attributes["count"] == 40
    assert fact.related == (PAYMENTS,)


@pytest.mark.parametrize(
    ("host", "outside"),
    [
        pytest.param("api.cards.example:443", True, id="more parts than a service has"),
        pytest.param("cards.com:443", True, id="two parts, and no namespace is called so"),
        pytest.param("cards.shop:443", False, id="a service that is gone from a namespace that is there"),
        pytest.param("cards:443", False, id="a bare name may be anybody"),
        pytest.param("10.2.3.4:443", False, id="an address may be a pod"),
    ],
)
def test_a_host_that_a_log_complains_about_is_called_and_stands_outside(host: str, *, outside: bool) -> None:
    observation = logs(template(f"call {host}: connection reset by peer"))
    (fact,) = facts(log_classes.DETECTOR, observation, at=SCENE)
    card = EntityId(f"{CLUSTER}/-/external/{host.partition(':')[0]}")
    found = topology_of(Sightings(observations=[observation]), SCENE, [fact])
    assert fact.related == ((card,) if outside else ())
    assert found.callees(CHECKOUT) == ((card,) if outside else ())
    assert (card in inventory_of(Sightings(observations=[observation]), found)) is outside


def test_a_new_error_of_no_known_kind_is_an_error_of_its_own() -> None:
    (fact,) = facts(log_classes.DETECTOR, logs(template("the ledger failed to balance")), at=SCENE)
    assert fact.attributes["class"] == "other"
    assert "peer" not in fact.attributes


# ---------------------------------------------------------------------------------------------------------------------
# Alerts
# ---------------------------------------------------------------------------------------------------------------------


def alert(name: str, *, silenced: tuple[str, ...] = (), **labels: str) -> ActiveAlert:
    return ActiveAlert(
        fingerprint=name.ljust(16, "0"),
        labels={"alertname": name, **labels},
        starts_at=ONSET,
        state="active",
        silenced_by=silenced,
    )


SILENCE = Silence(
    id="s1", state="active", matchers=(Matcher(name="alertname", value="CartErrors"),), starts_at=ONSET,
    ends_at=datetime(2026, 11, 17, 4, tzinfo=ONSET.tzinfo), updated_at=ONSET, created_by="ada", comment="known\nbroken",
)  # fmt: skip

ENTITIES = [
    pytest.param({"namespace": "shop", "deployment": "cart"}, CART, id="a deployment"),
    pytest.param({"namespace": "shop", "service": "payments"}, PAYMENTS, id="a service that is a workload's name"),
    pytest.param({"node": "worker-1"}, f"{CLUSTER}/-/node/worker-1", id="a node"),
    pytest.param({"namespace": "shop"}, f"{CLUSTER}/-/namespace/shop", id="a namespace"),
    pytest.param({}, f"{CLUSTER}/-/cluster/{CLUSTER}", id="nothing"),
]


@pytest.mark.parametrize(("labels", "entity"), ENTITIES)
def test_other_alerts_are_about_what_their_labels_name(labels: dict[str, str], entity: str) -> None:
    observation = seen(AlertsView(alerts=(alert("X", **labels), alert("Watchdog"))))
    (fact,) = facts(alerts.DETECTOR, observation, at=SCENE)
    assert (fact.kind, fact.entity, fact.at) == ("alert.also_firing", entity, ONSET)


def test_a_silenced_alert_says_by_whom() -> None:
    observations = (
        seen(AlertsView(alerts=(alert("CartErrors", namespace="shop", deployment="cart", silenced=("s1",)),))),
        seen(SilencesView(silences=(SILENCE,))),
    )
    found = facts(alerts.DETECTOR, *observations, at=SCENE)
    assert [fact.kind for fact in found] == ["alert.also_firing", "alert.silenced"]
    assert found[1].attributes["by"] == "ada"
    assert "known broken" in found[1].text


# ---------------------------------------------------------------------------------------------------------------------
# Nodes, volumes, any metric
# ---------------------------------------------------------------------------------------------------------------------

NODES = [
    pytest.param({"cpu": steps(0.4, 0.97)}, ["node.cpu_high"], id="busy"),
    pytest.param({"memory_available": steps(0.5, 0.02)}, ["node.memory_low"], id="out of memory"),
    pytest.param({"disk_available": 0.05}, ["node.disk_low"], id="a full disk"),
    pytest.param({"inodes_available": 0.01}, ["node.inodes_low"], id="no files left"),
    pytest.param({"network_errors": steps(0.0, 50.0)}, ["node.network_errors"], id="lost packets"),
    pytest.param({"conntrack": 0.9}, ["node.conntrack_full"], id="a full connection table"),
    pytest.param({"clock_offset": 0.4}, ["node.clock_skew"], id="a wrong clock"),
    pytest.param({"cpu": 0.5, "memory_available": 0.4, "disk_available": 0.5}, [], id="well"),
]


@pytest.mark.parametrize(("figures", "expected"), NODES)
def test_nodes(figures: dict[str, Any], expected: list[str]) -> None:
    use = NodeUse.model_validate({"node": "worker-1", **{name: curve(level) for name, level in figures.items()}})
    found = facts(nodes.DETECTOR, seen(NodesView(nodes=(use,))))
    assert [fact.kind for fact in found] == expected
    assert all(fact.entity == f"{CLUSTER}/-/node/worker-1" for fact in found)


def test_a_node_in_trouble_says_since_when_unless_it_always_was() -> None:
    (fact,) = facts(nodes.DETECTOR, seen(NodesView(nodes=(NodeUse(node="a", cpu=curve(steps(0.4, 0.97))),))))
    assert fact.at is not None
    assert abs(fact.at - ONSET) <= timedelta(seconds=60)
    (fact,) = facts(nodes.DETECTOR, seen(NodesView(nodes=(NodeUse(node="a", cpu=curve(0.97)),))))
    assert fact.at is None


CLAIM = EntityId(entity_id("persistentvolumeclaim/data-db-0"))
VOLUMES = [
    pytest.param(9.9e9, ["disk.nearly_full"], id="one percent left"),
    pytest.param(lambda m: 8.8e9 + m * 1e7, ["disk.nearly_full"], id="full in two hours"),
    pytest.param(8.8e9, [], id="twelve percent left, and it stays so"),
    pytest.param(lambda m: 2e9 + m * 1e7, [], id="filling, and half empty"),
]


@pytest.mark.parametrize(("used", "expected"), VOLUMES)
def test_volumes(used: Any, expected: list[str]) -> None:
    use = VolumeUse(claim=CLAIM, used=curve(used, ripple=0.0001), capacity=curve(1e10, ripple=0))
    assert kinds(disks.DETECTOR, seen(VolumesView(volumes=(use,)))) == expected


def test_the_metrics_that_moved_farthest_are_told() -> None:
    metrics = {
        "gc_pause_seconds_sum": curve(steps(0.01, 4.0)),
        "http_requests_total": curve(40.0),
        "heap_bytes": curve(steps(100.0, 120.0)),
        "odd": curve(lambda m: 500.0 if m >= 15 else 10.0),
    }
    found = facts(metric_shifts.DETECTOR, seen(WideView(entity=CHECKOUT, metrics=metrics)))
    assert [(fact.kind, fact.attributes["metric"]) for fact in found] == [
        ("metric.shifted", "gc_pause_seconds_sum"),
        ("metric.outlier", "odd"),
    ]
