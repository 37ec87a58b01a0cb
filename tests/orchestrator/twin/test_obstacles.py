"""What stands in the way of a change is found before anybody is asked, and what cannot be seen is said."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.action import ActionRequest, FieldChange
from incidents.entity import EntityKind
from incidents.ids import ActionKind, EntityId
from orchestrator.twin.around import Around, Connections
from orchestrator.twin.obstacles.looking import looked
from orchestrator.twin.trial import Trial
from tests.incidents.making import CHECKOUT
from tests.orchestrator.twin.making import GI, TAINT, TOLD, around, meta, node, quota, scaled, template, workload
from tools.kubernetes.autoscaler import Autoscaler
from tools.kubernetes.disruption_budget import DisruptionBudget
from tools.kubernetes.probes.template_refs import TemplateRefs, Wanted
from tools.kubernetes.template import Toleration

ORDERS = EntityId("prod-eu-1/data/statefulset/orders-db")
POD = EntityId("prod-eu-1/shop/pod/checkout-1")
TWO_NODES = (node("n1"), node("n2"))
"""Room for six pods of half a core each on either: three cores are free."""


def connections(*, opened: float, most: float, per_pod: float = 20.0) -> Around:
    return around(connections=(Connections(server=ORDERS, per_pod=per_pod, opened=opened, most=most),))


OBSTACLES = [
    pytest.param(scaled(13, around=around(nodes=TWO_NODES)), "room", 12, id="more pods than the nodes have room for"),
    pytest.param(
        scaled(9, around=around(nodes=(node("n1"), node("n2", unschedulable=True)))), "room", 6, id="a cordoned node"
    ),
    pytest.param(scaled(9, around=around(nodes=(node("n1"), node("n2", taints=(TAINT,))))), "room", 6, id="a taint"),
    pytest.param(
        scaled(9, of=template(node_selector={"pool": "large"}), around=around(nodes=TWO_NODES)),
        "room",
        0,
        id="a node selector that no node has",
    ),
    pytest.param(scaled(9, around=around(quotas=(quota(pods=(50, 53)),))), "quota", 7, id="a quota of pods"),
    pytest.param(
        scaled(9, around=around(quotas=(quota(requests_cpu=(9.0, 10.0)),))), "quota", 6, id="a quota of CPU requests"
    ),
    pytest.param(
        scaled(9, around=around(quotas=(quota(limits_memory=(38 * GI, 40 * GI)),))), "quota", 5, id="of memory limits"
    ),
    pytest.param(scaled(13, around=connections(opened=86, most=200)), "connections", 10, id="connections behind it"),
    pytest.param(
        scaled(
            9,
            around=around(autoscaler=Autoscaler(meta=meta("hpa", "checkout"), target=CHECKOUT, minimum=2, maximum=6)),
        ),
        "autoscaler",
        6,
        id="above what its autoscaler allows",
    ),
]


@pytest.mark.parametrize(("trial", "what", "most"), OBSTACLES)
def test_what_stands_in_the_way_is_found_with_the_number_that_would_do(trial: Trial, what: str, most: int) -> None:
    found = looked(trial)
    assert [(one.what, one.most) for one in found.obstacles] == [(what, most)]
    assert found.evidence == (TOLD,)
    narrower = looked(_to(trial, most)) if most > trial.replicas else None
    assert narrower is None or narrower.obstacles == (), "so many really are not in its way"


def _to(trial: Trial, replicas: int) -> Trial:
    change = FieldChange(path="spec.replicas", before=str(trial.replicas), after=str(replicas))
    return trial.model_copy(update={"diff": (change,)})


FREE = [
    pytest.param(scaled(12, around=around(nodes=TWO_NODES)), id="as many as the nodes have room for"),
    pytest.param(
        scaled(
            12,
            of=template(tolerations=(Toleration(key="dedicated", value="data"),)),
            around=around(nodes=(node("n1"), node("n2", taints=(TAINT,)))),
        ),
        id="a taint that is tolerated",
    ),
    pytest.param(scaled(7, around=around(quotas=(quota(pods=(50, 53)),))), id="as many as the quota allows"),
    pytest.param(scaled(9, around=connections(opened=86, most=200)), id="connections that are left"),
    pytest.param(scaled(2, around=around(nodes=(node("n1", taken=4.0),))), id="fewer pods need no room"),
]


@pytest.mark.parametrize("trial", FREE)
def test_what_fits_has_nothing_in_its_way(trial: Trial) -> None:
    assert looked(trial).obstacles == ()


UNSEEN: list[Any] = [
    pytest.param(scaled(9), "the nodes were not seen", id="nobody looked at nodes"),
    pytest.param(scaled(9), "quotas were not seen", id="nobody looked at quotas"),
    pytest.param(scaled(9, callees=(ORDERS,)), "how many connections its pods hold", id="nobody measures connections"),
    pytest.param(
        scaled(9, around=around(nodes=(node("n1", taken=None), node("n2")))),
        "what others request",
        id="pods of others may not be read",
    ),
    pytest.param(
        scaled(9, of=template(pod_anti_affinity=True), around=around(nodes=TWO_NODES)),
        "required anti-affinity",
        id="rules between pods",
    ),
    pytest.param(
        scaled(7, around=connections(opened=30, most=80)), "runs out of connections", id="pools that are not full"
    ),
]


@pytest.mark.parametrize(("trial", "words"), UNSEEN)
def test_what_was_not_seen_is_said_and_nothing_is_claimed_of_it(trial: Trial, words: str) -> None:
    found = looked(trial)
    assert found.obstacles == ()
    assert any(words in text for text in found.not_foreseen), found.not_foreseen


def test_connections_have_a_range_from_what_pods_hold_to_what_they_may_hold() -> None:
    [figure] = looked(scaled(7, around=connections(opened=30, most=120))).figures
    assert (figure.low, figure.high) == (52.5, 90.0)


def rolled_back(**changes: Any) -> Trial:
    given: dict[str, Any] = {
        "request": ActionRequest(kind=ActionKind("rollback_workload"), target=CHECKOUT, arguments={"to_revision": 3}),
        "diff": (FieldChange(path="spec.template.spec.containers[app].image", before="b", after="a"),),
        "workload": workload(),
        "goal": template(),
        "goal_revision": 3,
    }
    return Trial.model_validate(given | changes)


def refs(*missing: Wanted, revision: int = 3) -> Around:
    return around(refs=TemplateRefs(workload=CHECKOUT, revision=revision, missing=missing))


def test_a_revision_whose_configuration_is_gone_is_not_gone_back_to() -> None:
    gone = Wanted(kind=EntityKind.CONFIGMAP, name="checkout-tuning-5hm4d")
    [found] = looked(rolled_back(around=refs(gone))).obstacles
    assert found.harms
    assert found.text == "revision 3 cannot start: ConfigMap checkout-tuning-5hm4d that it refers to is gone"


def test_a_key_that_is_gone_is_named() -> None:
    gone = Wanted(kind=EntityKind.SECRET, name="checkout-secrets", key="DB_PASSWORD")
    [found] = looked(rolled_back(around=refs(gone))).obstacles
    assert "key DB_PASSWORD of Secret checkout-secrets" in found.text


def test_what_another_revision_lacks_says_nothing_of_this_one() -> None:
    gone = Wanted(kind=EntityKind.CONFIGMAP, name="checkout-tuning-5hm4d")
    assert looked(rolled_back(around=refs(gone, revision=2))).obstacles == ()


def test_an_image_that_nodes_could_not_pull_is_not_gone_back_to() -> None:
    trial = rolled_back(refused_images={"checkout:1.42.1": "manifest unknown"})
    [found] = looked(trial).obstacles
    assert found.harms
    assert "manifest unknown" in found.text


@pytest.mark.parametrize(("allowed", "stands"), [(0, True), (1, False)])
def test_a_disruption_budget_that_lets_no_pod_go_stands_against_its_deletion(allowed: int, *, stands: bool) -> None:
    budget = DisruptionBudget(
        meta=meta("pdb", "checkout"), selector={}, allowed=allowed, healthy=4, desired_healthy=4, workloads=(CHECKOUT,)
    )
    request = ActionRequest(kind=ActionKind("delete_pod"), target=POD)
    trial = Trial(request=request, workload=workload(), around=around(budgets=(budget,)))
    assert [one.what for one in looked(trial).obstacles] == (["budget"] if stands else [])


def test_closing_a_node_says_what_room_is_left_elsewhere() -> None:
    request = ActionRequest(kind=ActionKind("cordon_node"), target=TWO_NODES[0].meta.entity)
    found = looked(Trial(request=request, around=around(nodes=(TWO_NODES[0], node("n2", taken=3.5)))))
    assert found.obstacles == ()
    assert any("where its pods go" in text for text in found.not_foreseen)
