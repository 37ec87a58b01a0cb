"""Every probe of the folder on a served estate: it answers, cites its exact request, and shows nothing secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from incidents.entity import EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from incidents.topology import Relation, Topology
from incidents.value import Value
from tests.tools.kubernetes.conftest import Served
from tools.errors import NotConfiguredError
from tools.estate import Cluster, Connections
from tools.kubernetes.probes import (
    access,
    autoscalers,
    config_refs,
    events,
    inventory,
    logs,
    nodes,
    pods,
    revisions,
    services,
    template_refs,
    workloads,
)
from tools.kubernetes.probes.template_refs import TemplateRefsArgs, Wanted
from tools.kubernetes.scope import Where
from tools.probe import Probe, probes

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = [probe for name, probe in sorted(probes().items()) if name.startswith("kubernetes.")]
SHOP = Where(namespace="shop")
THERE = Wanted(kind=EntityKind.CONFIGMAP, name="checkout-config", key="CURRENCY")
NO_KEY = Wanted(kind=EntityKind.CONFIGMAP, name="checkout-config", key="NOTHING")
GONE = Wanted(kind=EntityKind.CONFIGMAP, name="checkout-tuning-5hm4d")
CHECKOUT_REFS = TemplateRefsArgs(
    workload=EntityId("prod-eu-1/shop/deployment/checkout"), revision=4, wanted=(THERE, NO_KEY, GONE)
)


def args_for(probe: Probe[Any, Any], place: Where) -> Value:
    if probe.args is TemplateRefsArgs:
        return CHECKOUT_REFS
    known = {key: value for key, value in place.model_dump().items() if key in probe.args.model_fields}
    return probe.args(**known)


@pytest.mark.parametrize("probe", OURS, ids=lambda probe: probe.name)
@pytest.mark.parametrize("scope", ["namespace", "cluster", "entity"])
async def test_it_answers_with_evidence_that_can_be_asked_again(
    seen: Served, probe: Probe[Any, Any], scope: str
) -> None:
    entity = EntityId(seen.id("shop/deployment/checkout"))
    place = {"namespace": SHOP, "cluster": Where(), "entity": Where(entity=entity)}[scope]
    found = await probe.run(seen.cluster, args_for(probe, place))
    assert isinstance(found.view, probe.view)
    evidence = found.evidence
    assert (evidence.probe, evidence.source) == (probe.name, Source.KUBERNETES)
    assert evidence.query or evidence.cut, "the exact request is cited"
    assert all(line.startswith(("GET /", "POST /")) for line in evidence.query.splitlines())
    assert evidence.observed_at == seen.cluster.clock.now()
    if evidence.cut is None:
        json.loads(evidence.body)
    assert found.entities or evidence.cut or probe.name == "kubernetes.logs"


@pytest.mark.parametrize("probe", OURS, ids=lambda probe: probe.name)
async def test_without_access_it_says_so(seen: Served, probe: Probe[Any, Any]) -> None:
    bare = Cluster(name="bare", clock=seen.cluster.clock, connections=Connections(name="bare"))
    with pytest.raises(NotConfiguredError, match="no Kubernetes access is configured for bare"):
        await probe.run(bare, args_for(probe, SHOP))


async def test_what_an_earlier_revision_refers_to_and_is_gone_is_named(seen: Served) -> None:
    found = await template_refs.run(seen.cluster, CHECKOUT_REFS)
    assert found.view.missing == (NO_KEY, GONE)
    assert found.view.unknown == ()


async def test_pods_know_their_workload_and_how_their_containers_ended(seen: Served) -> None:
    found = await pods.run(seen.cluster, SHOP)
    checkout = found.view.of(EntityId(seen.id("shop/deployment/checkout")))
    assert len(checkout) == 6
    killed = [pod for pod in checkout if any(c.last and c.last.oom_killed for c in pod.containers)]
    assert len(killed) == 2
    assert found.view.pods[0] in killed, "pods in trouble come first"
    assert killed[0].spec.containers[0].resources.memory_limit == 256 * 2**20
    assert killed[0].replicaset is not None


async def test_pods_of_one_workload_are_asked_for_by_its_selector(seen: Served) -> None:
    found = await pods.run(seen.cluster, Where(entity=EntityId(seen.id("shop/deployment/checkout"))))
    assert len(found.view.pods) == 6
    assert "labelSelector=" in found.evidence.query


async def test_pods_of_what_does_not_exist_are_none(seen: Served) -> None:
    found = await pods.run(seen.cluster, Where(entity=EntityId(seen.id("shop/deployment/nothing"))))
    assert found.view.pods == ()


async def test_the_rollout_history_says_exactly_what_changed(seen: Served) -> None:
    found = await revisions.run(seen.cluster, Where(entity=EntityId(seen.id("shop/deployment/checkout"))))
    rollout = found.view.rollouts[0]
    assert rollout.current is not None
    assert rollout.previous is not None
    changes = {change.path: (change.before, change.after) for change in rollout.current.changes}
    path = "spec.template.spec.containers[checkout].resources.limits.memory"
    assert changes[path] == ("512Mi", "256Mi")
    assert "spec.template.spec.containers[checkout].image" in changes
    assert rollout.previous.number == rollout.current.number - 1


async def test_events_are_told_of_the_workload_in_the_end(seen: Served) -> None:
    found = await events.run(seen.cluster, SHOP)
    checkout = EntityId(seen.id("shop/deployment/checkout"))
    assert {event.reason for event in found.view.events if event.owner == checkout} >= {"BackOff", "ScalingReplicaSet"}
    one = await events.run(seen.cluster, Where(entity=checkout))
    assert {event.owner for event in one.view.events if event.entity} <= {checkout, None}


async def test_workloads_carry_their_managers(seen: Served) -> None:
    found = await workloads.run(seen.cluster, Where(entity=EntityId(seen.id("shop/deployment/checkout"))))
    workload = found.view.workloads[0]
    assert workload.replicas.desired == 6
    assert any(field.startswith("spec.template") for m in workload.meta.managers for field in m.fields)


async def test_services_know_whom_they_select(seen: Served) -> None:
    found = await services.run(seen.cluster, SHOP)
    checkout = next(v.service for v in found.view.services if v.service.meta.name == "checkout")
    assert checkout.workloads == (EntityId(seen.id("shop/deployment/checkout")),)
    assert checkout.ready == 4


async def test_nodes_show_what_is_requested_of_them(seen: Served) -> None:
    found = await nodes.run(seen.cluster, Where())
    assert len(found.view.nodes) >= 3
    for node in found.view.nodes:
        assert node.requested is not None
        assert node.requested.pods == len(node.pods)
        assert 0 < node.requested.cpu <= node.allocatable.cpu


async def test_the_inventory_finds_who_calls_whom_across_namespaces(seen: Served) -> None:
    found = await inventory.run(seen.cluster, SHOP)
    topology = Topology.of(found.view.edges)
    checkout = EntityId(seen.id("shop/deployment/checkout"))
    assert seen.id("payments/deployment/payments") in topology.callees(checkout)
    assert seen.id("shop/deployment/web") in topology.callers(checkout)
    assert len(topology.pods_of(checkout)) == 6
    assert topology.nodes_of(checkout)
    assert topology.services_of(checkout) == (seen.id("shop/service/checkout"),)
    assert topology.sources(EntityId(seen.id("shop/deployment/catalog")), Relation.SCALES)
    assert any("secrets" in text for text in found.view.incomplete), "what may not be listed is said"


async def test_autoscalers_name_their_target(seen: Served) -> None:
    found = await autoscalers.run(seen.cluster, SHOP)
    assert seen.id("shop/deployment/catalog") in [scaler.target for scaler in found.view.autoscalers]


async def test_config_is_known_by_its_keys_and_never_by_its_values(seen: Served) -> None:
    found = await config_refs.run(seen.cluster, SHOP)
    assert any(item.keys for item in found.view.objects)
    assert found.view.unreadable, "secrets are not readable in this world"
    kubernetes = seen.cluster.kubernetes
    assert kubernetes is not None
    for config in (await kubernetes.list("/api/v1/namespaces/shop/configmaps")).items:
        for value in config.mapping("data").values():
            assert len(value) < 12 or value not in found.evidence.body


async def test_logs_of_a_crashing_workload_have_the_run_before(seen: Served) -> None:
    wanted = logs.LogsWanted(entity=EntityId(seen.id("shop/deployment/checkout")))
    found = await logs.run(seen.cluster, wanted)
    assert any(log.previous and log.lines for log in found.view.logs)
    assert all(line.at is not None for log in found.view.logs for line in log.lines)
    assert sum(len(line.text) for log in found.view.logs for line in log.lines) <= logs.MAX_TOTAL


async def test_permissions_are_as_the_server_says(seen: Served) -> None:
    found = await access.run(seen.cluster, access.AccessWanted(namespace="shop"))
    missing = {grant.need.text for grant in found.view.missing}
    assert "list secrets" in missing
    assert "list pods" not in missing
    assert found.view.version.startswith("v1.")
