"""Where trouble begins: callers that merely wait, callees shared by several, resources, and failures."""

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.observability.columns import columns_of
from agents.observability.families import Family, family_of
from agents.observability.flows import Calls
from agents.observability.origins import Place, Ranking, rank
from incidents.ids import EntityId
from tests.agents.cases import CLUSTER, ONSET, entity
from tools.prometheus.curve import Curve
from tools.prometheus.probes.table import FAILED, Row, TableView

STEP, ROWS, MOMENT = 30.0, 160, 120
START = ONSET - timedelta(seconds=MOMENT * STEP)
NAMESPACE = EntityId(f"{CLUSTER}/-/namespace/shop")
COUNT, SUM = "http_server_request_duration_seconds_count", "http_server_request_duration_seconds_sum"
CPU, MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"


def of(name: str) -> EntityId:
    return EntityId(entity(name))


def row(workload: str, metric: str, before: float, after: float | None = None, *, noise: float = 0.02) -> Row:
    """A metric that steps at the onset, or does not, with its noise."""
    random = np.random.default_rng(sum(map(ord, workload + metric)))
    level = np.where(np.arange(ROWS) < MOMENT, before, before if after is None else after)
    values: NDArray[np.float64] = level * (1 + random.normal(0, noise, ROWS))
    return Row(workload=workload, metric=metric, curve=Curve(start=START, step=STEP, values=tuple(values.tolist())))


def served(workload: str, per_second: float, *, in_flight: tuple[float, float], failed: float = 0.0) -> list[Row]:
    return [
        row(workload, COUNT, per_second),
        row(workload, SUM, *in_flight),
        row(workload, FAILED, 0.0, failed),
    ]


def ranked(
    rows: list[Row], *, calls: dict[str, tuple[str, ...]] | None = None, alerted: tuple[str, ...] = ()
) -> Ranking:
    view = TableView(namespace=NAMESPACE, interval=STEP, rate_seconds=120.0, rows=tuple(rows))
    names = {one.workload for one in rows}
    graph: Calls = {of(caller): [of(callee) for callee in callees] for caller, callees in (calls or {}).items()}
    place = Place(
        alerted=frozenset(map(of, alerted)), started=ONSET + timedelta(minutes=4), earlier=timedelta(minutes=10)
    )
    found = rank(view, columns_of(view, {name: of(name) for name in names}), calls=graph, place=place)
    assert found is not None
    return found


def names_of(ranking: Ranking) -> list[str]:
    return [origin.entity.rsplit("/", 1)[-1] for origin in ranking.origins]


def test_who_waits_for_a_slow_callee_is_no_origin() -> None:
    rows = [
        *served("web", 40, in_flight=(4.0, 12.5)),
        *served("checkout", 40, in_flight=(2.0, 10.2)),
        *served("payments", 20, in_flight=(1.0, 9.0)),
        *served("cart", 20, in_flight=(0.5, 0.5)),
    ]
    found = ranked(rows, calls={"web": ("checkout", "cart"), "checkout": ("payments",)}, alerted=("web",))
    assert names_of(found)[0] == "payments"
    assert abs(found.at - ONSET) <= timedelta(seconds=STEP)
    assert found.origins[0].family is Family.LATENCY
    assert found.origins[0].score > 5 * found.origins[1].score


def test_a_caller_that_is_slow_by_itself_is_the_origin() -> None:
    rows = [*served("web", 40, in_flight=(4.0, 12.0)), *served("payments", 20, in_flight=(1.0, 1.0))]
    assert names_of(ranked(rows, calls={"web": ("payments",)}, alerted=("web",)))[0] == "web"


def test_a_callee_with_two_callers_explains_each_by_how_busy_it_is() -> None:
    rows = [
        *served("web", 90, in_flight=(4.0, 13.0)),
        *served("mobile-api", 10, in_flight=(1.0, 8.0)),
        *served("payments", 100, in_flight=(2.0, 12.0)),
    ]
    found = ranked(rows, calls={"web": ("payments",), "mobile-api": ("payments",)})
    scores = {origin.entity: origin.score for origin in found.origins}
    assert scores.get(of("web"), 0.0) < 3.5, "its nine tenths of the callee's excess explain all of it"
    assert scores[of("mobile-api")] > 20, "its tenth explains little"


def test_failures_are_followed_when_the_alerted_one_fails() -> None:
    rows = [
        *served("web", 40, in_flight=(4.0, 4.4), failed=3.0),
        *served("payments", 20, in_flight=(1.0, 1.0), failed=3.0),
        *served("cart", 20, in_flight=(0.5, 0.8)),
    ]
    found = ranked(rows, calls={"web": ("payments", "cart")}, alerted=("web",))
    assert names_of(found)[0] == "payments"
    assert found.origins[0].family is Family.ERRORS


def test_what_the_alerted_one_never_calls_is_not_what_slows_it() -> None:
    rows = [
        *served("web", 40, in_flight=(4.0, 9.0)),
        *served("payments", 20, in_flight=(1.0, 5.0)),
        *served("mobile-api", 5, in_flight=(0.1, 3.0)),
    ]
    calls = {"web": ("payments",), "mobile-api": ("payments",)}
    assert names_of(ranked(rows, calls=calls, alerted=("web",)))[0] == "payments"
    assert names_of(ranked(rows, calls=calls))[0] == "mobile-api", "without an alert it is the farthest"
    hungry = [*rows, row("mobile-api", CPU, 0.1, 2.0)]
    assert names_of(ranked(hungry, calls=calls, alerted=("web",)))[0] == "mobile-api", "it may share a node"


def test_that_something_is_called_at_all_is_its_callers_doing() -> None:
    rows = [
        *served("web", 40, in_flight=(4.0, 4.0), failed=3.0),
        *served("payments", 20, in_flight=(1.0, 1.0), failed=3.0),
        row("bank", COUNT, 0.0, 3.0),
        row("bank", FAILED, 0.0, 3.0),
    ]
    calls = {"web": ("payments",), "payments": ("bank",)}
    assert names_of(ranked(rows, calls=calls, alerted=("web",)))[:2] == ["payments", "bank"]
    known = [*rows[:-2], row("bank", COUNT, 3.0), rows[-1]]
    assert names_of(ranked(known, calls=calls, alerted=("web",)))[0] == "bank", "it was called all along"


def test_one_failure_among_none_may_be_chance() -> None:
    rows = [*served("web", 40, in_flight=(4.0, 4.0), failed=1 / 120), *served("cart", 40, in_flight=(1.0, 1.0))]
    assert not ranked(rows).origins or ranked(rows).origins[0].score < 3.5


def test_the_resource_that_rose_beats_those_that_fell_and_traffic_that_follows() -> None:
    rows = [row("payments", CPU, 0.05, 0.6), row("web", CPU, 0.6, 0.05), row("cart", COUNT, 50, 600)]
    assert names_of(ranked(rows))[0] == "payments"
    assert ranked(rows).origins[0].metric == CPU


def test_neither_names_nor_units_matter() -> None:
    rows = [
        row("web", CPU, 0.2, 0.25),
        row("cart", MEMORY, 2e8, 6e8),
        row("bank", CPU, 0.1),
        row("payments", MEMORY, 1e8),
    ]
    plain = ranked(rows)
    renamed = {"web": "payments", "cart": "bank", "bank": "web", "payments": "cart"}
    swapped = [
        one.model_copy(
            update={
                "workload": renamed[one.workload],
                "curve": one.curve.model_copy(update={"values": tuple(v * 1000 for v in one.curve.values if v)}),
            }
        )
        for one in rows
    ]
    assert names_of(ranked(swapped)) == [renamed[name] for name in names_of(plain)]


def test_a_column_less_changes_nothing_for_the_rest() -> None:
    rows = [row("web", CPU, 0.2, 0.9), row("web", MEMORY, 2e8), row("cart", CPU, 0.3), row("cart", MEMORY, 4e8)]
    for missing in range(1, len(rows)):
        assert names_of(ranked(rows[:missing] + rows[missing + 1 :]))[0] == "web"


def test_nothing_measured_is_no_ranking() -> None:
    view = TableView(namespace=NAMESPACE, interval=STEP, rate_seconds=60.0)
    place = Place(alerted=frozenset(), started=ONSET, earlier=timedelta(minutes=10))
    assert rank(view, (), calls={}, place=place) is None


@pytest.mark.parametrize(
    ("metric", "family"),
    [
        (CPU, Family.CPU),
        (MEMORY, Family.MEMORY),
        ("process_resident_memory_bytes", Family.MEMORY),
        ("jvm_memory_used_bytes", Family.MEMORY),
        (COUNT, Family.TRAFFIC),
        (SUM, Family.LATENCY),
        ("http_requests_total", Family.TRAFFIC),
        (FAILED, Family.ERRORS),
        ("kafka_consumergroup_lag", Family.QUEUE),
        ("hikaricp_connections_active", Family.POOL),
        ("container_network_receive_bytes_total", Family.NETWORK),
        ("container_fs_writes_bytes_total", Family.DISK),
        ("redis_keyspace_hits", Family.OTHER),
    ],
)
def test_a_name_says_what_a_metric_is_about(metric: str, family: Family) -> None:
    assert family_of(metric) is family
