"""Facts about cost: idle, over- and underprovisioned, spikes, orphaned volumes, nodes elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.cost.detectors import dear_nodes, idle, orphaned_volumes, rate, regions, requests, spike
from agents.cost.prices import GIB_PER_CORE, prices_of_nodes
from agents.cost.requested import NODE_TOTALS
from agents.detector import Detector, detectors
from incidents.entity import EntityKind
from tests.agents.cases import CLUSTER, NOW, ONSET
from tests.agents.cases import entity as entity_id
from tests.agents.observability.seeing import CHECKOUT, MIB, facts, kinds, seen, steps, usage
from tools.kubernetes.metadata import ObjectMeta
from tools.kubernetes.node import Node, Nodes, Room
from tools.kubernetes.volume import Claim, PersistentVolume, Volumes
from tools.opencost.client import Allocation
from tools.opencost.probes.allocation import AllocationView
from tools.opencost.probes.node_prices import NodePricesView
from tools.probe import Observation
from tools.prometheus.client import Sample
from tools.prometheus.probes.instant import InstantView

GIB = 2**30


def allocation(hours_ago: int, usd: float, *, minutes: float = 60, controller: str = "checkout") -> Allocation:
    start = NOW.replace(minute=0) - timedelta(hours=hours_ago)
    return Allocation(
        name=f"shop/deployment/{controller}",
        namespace="shop",
        controller=controller,
        start=start,
        end=start + timedelta(hours=1),
        minutes=minutes,
        cpu_core_hours=1.0,
        cpu_cost=0.03,
        ram_byte_hours=float(GIB),
        ram_cost=0.004,
        total_cost=usd,
    )


def costs(*rows: Allocation) -> Observation[Any]:
    return seen(AllocationView(rows=rows))


PRICES = costs(allocation(1, 0.5, controller="cart"))


def used(**figures: Any) -> Observation[Any]:
    """Two pods that request a core and a GiB each."""
    usual = {
        "pods": 2,
        "cpu_request": 1.0,
        "memory_request": float(GIB),
        "cpu": 0.6,
        "cpu_all": 1.2,
        "memory": 600 * MIB,
    }
    return usage(**{**usual, **figures}, desired=figures.get("pods", 2))


def test_a_rate_from_requests_and_prices() -> None:
    (fact,) = facts(rate.DETECTOR, used(), PRICES)
    assert fact.attributes["usd_per_hour"] == pytest.approx(2 * (0.03 + 0.004), rel=0.02)
    assert fact.attributes["replicas"] == 2


def test_what_opencost_counted_for_the_workload_counts_more() -> None:
    (fact,) = facts(rate.DETECTOR, used(), costs(allocation(0, 0.25, minutes=30), allocation(1, 0.1)))
    assert fact.attributes["usd_per_hour"] == pytest.approx(0.5)


def test_without_prices_there_is_no_rate() -> None:
    assert facts(rate.DETECTOR, used()) == []


PROVISIONED = [
    pytest.param({"cpu": 0.1}, [("cost.overprovisioned", "cpu")], id="a tenth of the CPU is used"),
    pytest.param({"memory": 100 * MIB}, [("cost.overprovisioned", "memory")], id="a tenth of the memory is used"),
    pytest.param({"cpu": 1.6}, [("cost.underprovisioned", "cpu")], id="more CPU than requested"),
    pytest.param({}, [], id="a fair share"),
    pytest.param({"cpu_request": 0.05, "cpu": 0.001}, [], id="hardly anything is requested"),
    pytest.param({"memory_request": steps(GIB, 0.4 * GIB)}, [], id="the request was lowered a moment ago"),
]


@pytest.mark.parametrize(("figures", "expected"), PROVISIONED)
def test_provisioning(figures: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = facts(requests.DETECTOR, used(**figures), PRICES)
    assert [(fact.kind, fact.attributes["resource"]) for fact in found] == expected


def test_overprovisioning_says_what_could_be_saved() -> None:
    (fact,) = facts(requests.DETECTOR, used(cpu=0.1), PRICES)
    assert fact.attributes["usd_per_hour_saving"] == pytest.approx(2 * (1 - 1.15 * 0.1) * 0.03, rel=0.02)
    (fact,) = facts(requests.DETECTOR, used(cpu=0.1))
    assert "usd_per_hour_saving" not in fact.attributes


IDLE = [
    pytest.param({"cpu_all": 0.005}, ["cost.idle"], id="nothing but health checks"),
    pytest.param({"cpu_all": 0.5}, [], id="at work"),
    pytest.param({"cpu_all": 0.005, "pods": 0}, [], id="scaled to zero"),
]


@pytest.mark.parametrize(("figures", "expected"), IDLE)
def test_idle(figures: dict[str, Any], expected: list[str]) -> None:
    assert kinds(idle.DETECTOR, used(**figures), PRICES) == expected


def test_an_hour_that_costs_twice_the_others_is_a_spike() -> None:
    usual = [allocation(hour, 0.5) for hour in range(1, 12)]
    (fact,) = facts(spike.DETECTOR, used(), costs(allocation(0, 1.2), *usual))
    assert (fact.attributes["usd_per_hour"], fact.attributes["baseline"]) == (1.2, 0.5)
    assert facts(spike.DETECTOR, used(), costs(allocation(0, 0.6), *usual)) == []
    assert facts(spike.DETECTOR, used(), costs(allocation(0, 0.1, minutes=5), *usual)) == [], "five minutes are no hour"


def test_more_requests_within_the_hour_are_a_spike_with_its_moment() -> None:
    (fact,) = facts(spike.DETECTOR, used(pods=steps(2, 8)), PRICES)
    assert fact.at is not None
    assert abs(fact.at - ONSET) <= timedelta(seconds=60)
    assert fact.attributes["usd_per_hour"] == pytest.approx(4 * fact.attributes["baseline"], rel=0.02)


def meta(kind: EntityKind, name: str, *, days: float = 30, namespace: str | None = "shop") -> ObjectMeta:
    entity = entity_id(f"{kind}/{name}") if namespace else f"{CLUSTER}/-/{kind}/{name}"
    created = NOW - timedelta(days=days)
    return ObjectMeta.model_validate(
        {
            "entity": entity,
            "name": name,
            "namespace": namespace,
            "uid": "u",
            "resource_version": "1",
            "created": created,
        }
    )


def claim(name: str, *, phase: str = "Bound", used_by: tuple[str, ...] = (), days: float = 30) -> Claim:
    return Claim(meta=meta(EntityKind.PVC, name, days=days), phase=phase, capacity=GIB, used_by=used_by)


CLAIMS = [
    pytest.param([claim("left")], ["cost.orphaned_volume"], id="bound, and nobody mounts it"),
    pytest.param([claim("used", used_by=(CHECKOUT,))], [], id="mounted"),
    pytest.param([claim("new", days=0.1)], [], id="an hour old"),
    pytest.param([claim("pending", phase="Pending")], [], id="not bound"),
]


@pytest.mark.parametrize(("claims", "expected"), CLAIMS)
def test_orphaned_claims(claims: list[Claim], expected: list[str]) -> None:
    assert kinds(orphaned_volumes.DETECTOR, seen(Volumes(claims=tuple(claims)))) == expected


def test_released_volumes() -> None:
    volumes = tuple(
        PersistentVolume(meta=meta(EntityKind.PV, phase.lower(), namespace=None), phase=phase, capacity=GIB)
        for phase in ("Bound", "Released")
    )
    (fact,) = facts(orphaned_volumes.DETECTOR, seen(Volumes(claims=(), volumes=volumes)))
    assert fact.attributes["state"] == "released"


def node(name: str, *, region: str = "eu", cpu: float = 4.0, memory: int = 16 * GIB, kind: str = "m") -> Node:
    return Node(
        meta=meta(EntityKind.NODE, name, namespace=None),
        region=region,
        capacity=Room(cpu=cpu, memory=memory),
        instance_type=kind,
    )


def test_one_node_elsewhere() -> None:
    many = [node(f"n{i}") for i in range(9)]
    (fact,) = facts(regions.DETECTOR, seen(Nodes(nodes=(*many, node("far", region="us")))))
    assert (fact.attributes["region"], fact.attributes["usual"]) == ("us", "eu")
    spread = [node(f"n{i}", region=("eu", "us")[i % 2]) for i in range(8)]
    assert facts(regions.DETECTOR, seen(Nodes(nodes=tuple(spread)))) == []


def totals(**prices: float) -> Observation[Any]:
    samples = tuple(Sample(labels={"node": name}, at=NOW, value=price) for name, price in prices.items())
    return seen(InstantView(query=NODE_TOTALS, at=NOW, samples=samples))


DEAR = [
    pytest.param([("gpu", 4, 16, 0.6)], ["gpu"], id="three times the price for the same room"),
    pytest.param([("big", 16, 64, 0.8)], [], id="four times the price for four times the room"),
    pytest.param([("fast", 4, 16, 0.3)], [], id="half as much again is another generation"),
    pytest.param([(name, 4, 16, 0.6) for name in ("a", "b", "c", "d")], [], id="half of the cluster is no exception"),
]


@pytest.mark.parametrize(("others", "expected"), DEAR)
def test_nodes_that_cost_more_for_the_same_room(
    others: list[tuple[str, float, int, float]], expected: list[str]
) -> None:
    usual = [("n1", 4.0, 16, 0.2), ("n2", 4.0, 16, 0.2), ("n3", 4.0, 16, 0.2), ("n4", 8.0, 32, 0.4)]
    nodes = tuple(node(name, cpu=cpu, memory=gib * GIB) for name, cpu, gib, _ in (*usual, *others))
    prices = totals(**{name: price for name, _, _, price in (*usual, *others)})
    found = facts(dear_nodes.DETECTOR, seen(Nodes(nodes=nodes)), prices)
    assert [fact.entity.rsplit("/", 1)[1] for fact in found] == expected
    assert facts(dear_nodes.DETECTOR, seen(Nodes(nodes=nodes))) == [], "without prices nothing is dear"


def test_configured_prices_tell_dear_nodes_as_well() -> None:
    nodes = (*(node(f"n{i}", kind="m") for i in range(4)), node("gpu", kind="g"))
    configured = seen(NodePricesView(usd_per_hour={"m": 0.2, "g": 1.0}))
    (fact,) = facts(dear_nodes.DETECTOR, seen(Nodes(nodes=nodes)), configured)
    assert (fact.attributes["times"], fact.attributes["usual_type"]) == (5.0, "m")


def test_a_nodes_price_is_split_as_opencost_splits_it() -> None:
    prices = prices_of_nodes([node("a", kind="m"), node("b", kind="x")], {"m": 0.2, "b": 0.4})
    assert prices is not None
    assert prices.core_hour / prices.gib_hour == pytest.approx(GIB_PER_CORE)
    whole = prices.usd_per_hour(cores=8, memory_bytes=32 * GIB)
    assert whole == pytest.approx(0.6)
    assert prices_of_nodes([node("a")], {"other": 1.0}) is None


def test_configured_prices_need_nodes_to_spread_over() -> None:
    configured = seen(NodePricesView(usd_per_hour={"*": 0.2}))
    assert facts(rate.DETECTOR, used(), configured) == []
    assert kinds(rate.DETECTOR, used(), configured, seen(Nodes(nodes=(node("a"),)))) == ["cost.rate"]


@pytest.mark.parametrize("detector", detectors("cost"), ids=lambda detector: detector.name)
def test_a_detector_that_saw_nothing_says_nothing(detector: Detector) -> None:
    assert facts(detector) == []
