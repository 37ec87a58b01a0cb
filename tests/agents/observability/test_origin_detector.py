"""The detector over a table: facts in order, for workloads that exist, with the strength of a comparison."""

from __future__ import annotations

from agents.observability.detectors.origin import DETECTOR, LEAST_SCORE, MOST
from agents.runbooks.folders import RunbookFolders
from incidents.fact import FactRole
from incidents.ids import EntityId
from tests.agents.cases import CLUSTER, entity
from tests.agents.observability.seeing import curve, facts, seen, steps
from tools.prometheus.probes.table import Row, TableView
from tools.prometheus.probes.workloads import WorkloadsView

NAMESPACE = EntityId(f"{CLUSTER}/-/namespace/shop")
CPU = "container_cpu_usage_seconds_total"
NAMES = ("checkout", "payments", "cart", "web", "bank")


def table(**after: float) -> TableView:
    """CPU of every workload, one core before the onset."""
    rows = [Row(workload=name, metric=CPU, curve=curve(steps(1.0, after.get(name, 1.0)))) for name in NAMES]
    return TableView(namespace=NAMESPACE, interval=30.0, rate_seconds=120.0, rows=tuple(rows))


LISTED = WorkloadsView(workloads=tuple(EntityId(entity(name)) for name in NAMES))


def test_the_farthest_is_told_first_and_is_the_likeliest() -> None:
    found = facts(DETECTOR, seen(table(payments=4.0, cart=2.0)), seen(LISTED))
    assert [(fact.entity, fact.attributes["rank"]) for fact in found] == [(entity("payments"), 1), (entity("cart"), 2)]
    first, second = found
    assert first.role is FactRole.STATE, "it moves neither the onset nor what has to be explained"
    assert first.strength > 0.5 > second.strength
    assert round(first.strength + second.strength, 3) == 1.0
    assert first.text == f"{CPU} of payments went 1 -> 4.02 since 02:35, the farthest departure of 5 workloads"


def test_an_estate_at_rest_has_no_origin() -> None:
    assert facts(DETECTOR, seen(table(payments=1.1)), seen(LISTED)) == []


def test_what_is_not_known_to_exist_is_not_told() -> None:
    unknown = TableView(
        namespace=NAMESPACE,
        interval=30.0,
        rate_seconds=120.0,
        rows=(Row(workload="stranger", metric=CPU, curve=curve(steps(1.0, 9.0))),),
    )
    assert facts(DETECTOR, seen(unknown), seen(LISTED)) == []


def test_only_the_farthest_are_told() -> None:
    names = [f"worker-{letter}" for letter in "abcdefghijkl"]
    rows = [Row(workload=name, metric=CPU, curve=curve(steps(1.0, 2.0 + place))) for place, name in enumerate(names)]
    view = TableView(namespace=NAMESPACE, interval=30.0, rate_seconds=120.0, rows=tuple(rows))
    listed = WorkloadsView(workloads=tuple(EntityId(entity(name)) for name in names))
    found = facts(DETECTOR, seen(view), seen(listed))
    assert len(found) == MOST
    assert all(fact.attributes["score"] >= LEAST_SCORE for fact in found)
    assert found[0].entity == entity("worker-l")


def test_every_family_has_a_runbook_and_none_has_two() -> None:
    lines = [
        line for cause in RunbookFolders().library().causes for line in cause.must if "anomaly.origin" in line.kinds
    ]
    families = [family for line in lines for where in line.where.values() for one in where for family in one["family"]]
    assert sorted(families) == sorted(
        ["cpu", "memory", "latency", "errors", "disk", "network", "queue", "pool", "traffic", "other"]
    )
