"""What is only a name gives way to a reason; load is followed to whoever makes it; old changes and past harm say little."""

from datetime import timedelta

import pytest

from agents.diagnostician.diagnose import diagnose
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId, FactId
from incidents.topology import Edge, Relation, Topology
from tests.agents.cases import CLUSTER, NOW, ONSET, case, entity, fact
from tests.agents.runbooks.test_shipped import LIBRARY

ERRORS = fact("errors.elevated", 0)
SLOW = fact("dependency.slow", 0, of="payments", caller="checkout", related=["checkout"])
THREADS = fact("threads.exhausted", 0, of="payments")
SURGE = fact("traffic.surge", 0, of="payments")
FULL = fact("saturation.cpu_throttled", 0, of="payments")
RETRIES = fact("change.env_changed", -1)


def leaders(given: CaseFile) -> list[tuple[str, str]]:
    return [(h.cause, h.entity.rsplit("/", 1)[1]) for h in verdict(given).leading]


def verdict(given: CaseFile) -> Diagnosis:
    return diagnose(given, LIBRARY, now=NOW)


def chance(given: CaseFile, cause: str, name: str) -> float:
    found = (h.probability for h in verdict(given).hypotheses if (h.cause, h.entity) == (cause, entity(name)))
    return next(found, 0.0)


def test_a_slow_callee_without_a_reason_is_called_slow() -> None:
    assert leaders(case(ERRORS, SLOW)) == [("dependency_slow", "payments")]


def test_a_slow_callee_whose_threads_hang_is_called_by_its_reason() -> None:
    given = case(ERRORS, SLOW, THREADS, covered=["traffic.surge@payments"])
    assert leaders(given) == [("process_limits_exhausted", "payments")]
    named, reason = chance(given, "dependency_slow", "payments"), chance(given, "process_limits_exhausted", "payments")
    assert named <= 1 - reason + 0.01


def test_more_load_from_outside_is_a_surge_where_it_hurts() -> None:
    outside = fact("traffic.surge", 0, of="checkout")
    assert ("traffic_surge", "payments") in leaders(case(ERRORS, SLOW, SURGE, FULL, outside))


def test_load_that_a_changed_caller_makes_is_no_surge() -> None:
    given = case(ERRORS, SLOW, SURGE, FULL, RETRIES)
    assert ("traffic_surge", "payments") not in leaders(given)
    alone = case(ERRORS, SLOW, SURGE, FULL)
    assert chance(given, "traffic_surge", "payments") < chance(alone, "traffic_surge", "payments")


@pytest.mark.parametrize("answer", [{"reason": "protocol"}, {"reason": "status", "status": 404}])
def test_what_answers_its_readiness_probe_is_not_down(answer: dict[str, str | int]) -> None:
    behind = [fact("workload.unavailable", 0), fact("service.no_endpoints", 0, of="service/checkout")]
    given = case(*behind, fact("probe.readiness_failing", 0, **answer))
    assert leaders(given) == [("readiness_probe_wrong", "checkout")]
    assert chance(given, "workload_down", "checkout") == 0.0
    silent = case(*behind, fact("probe.readiness_failing", 0, reason="timeout"))
    assert chance(silent, "workload_down", "checkout") > 0.0, "the control: whatever does not answer may be down"


@pytest.mark.parametrize(
    ("minutes", "refuted"),
    [
        pytest.param(-5, True, id="a limit that was lowered just now refutes a leak"),
        pytest.param(-3 * 24 * 60, False, id="a limit that was lowered days ago does not"),
    ],
)
def test_a_change_refutes_as_far_as_it_could_have_set_it_off(minutes: float, refuted: bool) -> None:
    facts = [ERRORS, fact("memory.growing", -200), fact("container.oom_killed", 0)]
    given = case(*facts, fact("change.memory_limit_lowered", minutes))
    assert (("memory_leak", "checkout") not in leaders(given)) is refuted


def test_what_hurt_and_was_over_before_anybody_asked_is_not_diagnosed() -> None:
    facts = [fact("errors.elevated", 0, until=4), fact("change.image_changed", -1), fact("log.new_pattern", 0)]
    given = case(*facts, alerts=["AmbientLook"])
    assert leaders(given), "while it lasts, the release is blamed"
    later = given.incident.model_copy(update={"started_at": ONSET + timedelta(minutes=60)})
    assert leaders(given.model_copy(update={"incident": later})) == []


def test_a_figure_that_moved_before_does_not_make_a_change_come_too_late() -> None:
    facts = [ERRORS, fact("change.image_changed", -1), fact("log.new_pattern", 0), fact("metric.shifted", -20)]
    assert leaders(case(*facts)) == [("bad_code_deploy", "checkout")]


def test_a_name_for_what_callers_see_gives_way_to_a_reason_behind_it() -> None:
    blamed = fact("dependency.errors", 0, caller="web", related=["web"])
    broken = [
        fact("log.error_class", 0, of="payments", **{"class": "deadlock"}),
        fact("log.new_pattern", 0, of="payments"),
    ]
    named = ("dependency_outage", "checkout")
    alone = chance(case(ERRORS, blamed), *named)
    with_reason = chance(case(ERRORS, blamed, *broken), *named)
    reason = chance(case(ERRORS, blamed, *broken), "database_locks", "payments")
    assert with_reason < alone
    assert with_reason <= 1 - reason + 0.01


def test_a_service_that_misses_its_pods_by_a_label_is_why_they_are_not_reached() -> None:
    edges = {edge for edge in case().topology.edges if edge.relation is not Relation.SELECTS}
    missed = [
        fact("dependency.errors", 0, caller="web", related=["web"]),
        fact("service.selector_mismatch", -1, of="service/checkout", related=["checkout"]),
        fact("service.no_endpoints", -1, of="service/checkout"),
    ]
    given = case(ERRORS, *missed).model_copy(update={"topology": Topology(edges=frozenset(edges))})
    assert leaders(given) == [("service_selector_mismatch", "checkout")]
    assert chance(given, "dependency_outage", "checkout") < 0.2


LOST = fact("log.error_class", 0, of="payments", peer="api.bank", peer_known="no", **{"class": "dns"})
FAILING = fact("dependency.errors", 0, of="payments", caller="checkout", related=["checkout"])
USED = fact("address.used_before", -5000, of="payments", role=FactRole.STATE, host="api.bank")


def test_a_name_that_was_never_found_before_is_a_wrong_address() -> None:
    given = case(ERRORS, FAILING, LOST)
    assert leaders(asking_outside(given)) == [("wrong_address", "payments")]


def test_a_name_that_was_found_for_long_is_lost_by_its_owner() -> None:
    given = case(ERRORS, FAILING, LOST, USED)
    assert leaders(asking_outside(given)) == [("external_dependency_down", "api.bank")]


def asking_outside(given: CaseFile) -> CaseFile:
    edge = Edge(source=entity("payments"), relation=Relation.CALLS, target=entity("external/api.bank"))
    return given.model_copy(update={"topology": given.topology + Topology.of([edge])})


def test_a_sick_node_predicts_the_trouble_of_what_runs_on_it() -> None:
    errors = fact("node.network_errors", 0, of="node/worker-2")
    slow = [fact("latency.elevated", 0, of="payments"), fact("latency.elevated", 0, of="cart")]
    elsewhere = [fact("latency.elevated", 0, of="web")]
    there = chance(case(errors, *slow, at=["payments"]), "node_network", "node/worker-2")
    assert there > chance(case(errors, *elsewhere, at=["web"]), "node_network", "node/worker-2")
    points = [p.text for h in verdict(case(errors, *slow, at=["payments"])).hypotheses[:1] for p in h.speaks_for]
    assert {"latency.elevated at payments", "latency.elevated at cart"} & set(points)


def test_an_ingress_that_leads_to_somebody_else_is_why_nobody_comes() -> None:
    astray = [
        fact("traffic.drop", 0, of="payments", role=FactRole.SYMPTOM),
        fact("requests.rejected", 0, of="cart", role=FactRole.SYMPTOM),
        fact("ingress.leads_elsewhere", 0, of="ingress/payments", role=FactRole.STATE, related=["service/payments"]),
    ]
    given = case(*astray, at=["payments"])
    given = given.model_copy(update={"inventory": given.inventory | {entity("ingress/payments")}})
    assert leaders(given) == [("gateway_misrouted", "payments")]


def test_a_slow_pod_is_the_reason_unless_its_node_is() -> None:
    pod = fact("pod.slow", 0, of="pod/payments-1", related=["payments"])
    node = fact("node.slow", 0, of="node/worker-2", related=["payments", "cart"])
    inventory = {"pod/payments-1", "node/worker-2"}
    one = case(ERRORS, SLOW, pod)
    one = one.model_copy(update={"inventory": one.inventory | {entity(name) for name in inventory}})
    assert leaders(one) == [("pod_slow", "payments-1")]
    both = one.model_copy(update={"facts": (*one.facts, node)})
    assert leaders(both) == [("node_slow", "worker-2")]


def everywhere(*more: Fact) -> CaseFile:
    """Names resolve nowhere in the cluster."""
    short = fact("dns.failing", None, of=f"cluster/{CLUSTER}", strength=0.9).model_copy(update={"related": (RESOLVER,)})
    lost = [
        short,
        fact("dns.failing_everywhere", 0, of=f"cluster/{CLUSTER}"),
        fact("log.error_class", 0, **{"class": "dns"}),
    ]
    given = case(ERRORS, *lost, *more)
    return given.model_copy(update={"inventory": given.inventory | {RESOLVER}})


RESOLVER = EntityId(f"{CLUSTER}/kube-system/deployment/coredns")


def at_resolver(*facts: Fact) -> tuple[Fact, ...]:
    return tuple(one.model_copy(update={"entity": RESOLVER, "id": FactId(f"{one.id}-dns")}) for one in facts)


def test_names_that_resolve_nowhere_without_a_reason_are_called_that() -> None:
    assert leaders(everywhere()) == [("dns_failure", CLUSTER)]


def test_what_is_wrong_with_the_resolver_is_why_names_resolve_nowhere() -> None:
    gone = at_resolver(fact("workload.scaled_to_zero", -1, role=FactRole.STATE), fact("change.scaled_down", -1))
    assert leaders(everywhere(*gone)) == [("scaled_to_zero", "coredns")]
