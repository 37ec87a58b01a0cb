"""Where an investigation looks: the alerting thing, what is beside it, whom it calls, who calls it."""

from __future__ import annotations

from incidents.fact import Fact, FactRole
from incidents.focus import FOCUS_LIMIT, focus_of, onset_of
from incidents.ids import EntityId, EvidenceId, FactId, FactKind
from incidents.topology import Edge, Relation, Topology
from tests.incidents.making import CHECKOUT, NOW, after


def entity(kind: str, name: str) -> EntityId:
    namespace = "-" if kind == "node" else "shop"
    return EntityId(f"prod-eu/{namespace}/{kind}/{name}")


WEB, CART, DB, DISK = (
    entity("deployment", "web"),
    entity("deployment", "cart"),
    entity("statefulset", "db"),
    entity("statefulset", "disk"),
)
POD, OTHER_POD, NODE = entity("pod", "checkout-1"), entity("pod", "cart-1"), entity("node", "worker-1")
TOPOLOGY = Topology.of(
    [
        Edge(source=WEB, relation=Relation.CALLS, target=CHECKOUT),
        Edge(source=CHECKOUT, relation=Relation.CALLS, target=DB),
        Edge(source=DB, relation=Relation.CALLS, target=DISK),
        Edge(source=CHECKOUT, relation=Relation.OWNS, target=POD),
        Edge(source=POD, relation=Relation.RUNS_ON, target=NODE),
        Edge(source=CART, relation=Relation.OWNS, target=OTHER_POD),
        Edge(source=OTHER_POD, relation=Relation.RUNS_ON, target=NODE),
    ]
)


def test_nearest_first_and_callees_before_callers() -> None:
    assert focus_of([CHECKOUT], topology=TOPOLOGY) == (CHECKOUT, NODE, DB, DISK, WEB)


def test_a_pod_brings_its_workload() -> None:
    assert focus_of([POD], topology=TOPOLOGY)[:2] == (POD, CHECKOUT)


def test_a_node_brings_what_runs_on_it_but_a_workload_not_its_cotenants() -> None:
    assert set(focus_of([NODE], topology=TOPOLOGY)) >= {CHECKOUT, CART}
    assert CART not in focus_of([CHECKOUT], topology=TOPOLOGY)


def test_without_topology_it_is_what_the_alerts_say() -> None:
    assert focus_of([CHECKOUT, CART], topology=Topology()) == (CHECKOUT, CART)


def test_a_focus_is_bounded() -> None:
    many = Topology.of(
        Edge(source=CHECKOUT, relation=Relation.CALLS, target=entity("deployment", f"d{n}")) for n in range(200)
    )
    assert len(focus_of([CHECKOUT], topology=many)) == FOCUS_LIMIT


def fact(role: FactRole, seconds: float) -> Fact:
    return Fact(
        id=FactId(f"fa-{role}{seconds}"),
        kind=FactKind("errors.elevated"),
        role=role,
        entity=CHECKOUT,
        at=after(seconds),
        text="5xx",
        evidence=(EvidenceId("ev-1"),),
        detector="d",
    )


def test_the_onset_is_the_earliest_symptom_not_the_change_before_it() -> None:
    facts = [fact(FactRole.CHANGE, -900), fact(FactRole.SYMPTOM, -720), fact(FactRole.SYMPTOM, -60)]
    assert onset_of(facts, started_at=NOW) == after(-720)


def test_what_was_over_when_the_first_alert_came_is_no_onset() -> None:
    over = fact(FactRole.SYMPTOM, -900).model_copy(update={"until": after(-400)})
    lasting = fact(FactRole.SYMPTOM, -60)
    assert onset_of([over, lasting], started_at=NOW) == after(-60)
    assert onset_of([over], started_at=NOW) == NOW
    until_then = over.model_copy(update={"until": after(-30)})
    assert onset_of([until_then, lasting], started_at=NOW) == after(-900), "alerts and samples come late"


def test_without_a_symptom_the_onset_is_the_first_alert() -> None:
    assert onset_of([fact(FactRole.CHANGE, -900)], started_at=NOW) == NOW


def test_a_service_brings_the_workload_behind_it_and_its_calls() -> None:
    service = entity("service", "checkout")
    named = TOPOLOGY + Topology.of([Edge(source=service, relation=Relation.SELECTS, target=CHECKOUT)])
    assert focus_of([service], topology=named) == (service, CHECKOUT, NODE, DB, DISK, WEB)
