"""The product's Kubernetes client, probes and actions on a real control plane: real RBAC, dry-run, rollouts, eviction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from incidents.action import ActionOutcome, ActionRequest
from incidents.ids import ActionKind, EntityId
from incidents.value import Scalar
from tests.cluster.cluster import Cluster as RealCluster
from tests.cluster.controlplane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.manifests import deployment, disruption_budget, pod_template, service_account
from tools.action import actions
from tools.clock import SystemClock
from tools.errors import ConflictError, ForbiddenError, NotFoundError, PermanentError
from tools.estate import Cluster, Connections, KubernetesAccess, WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.client import KubernetesClient
from tools.kubernetes.probes import access, config_refs, events, inventory, nodes, pods, revisions, workloads
from tools.kubernetes.scope import Where
from tools.kubernetes.wire import PatchKind
from tools.probe import probes

pytestmark = pytest.mark.cluster

CALL: dict[str, Any] = {"_request_timeout": 10}
NAME = "real"


def connections(path: Path) -> Connections:
    access_to_it = KubernetesAccess(kubeconfig=str(path))
    return Connections(name=NAME, kubernetes=access_to_it, kubernetes_write=access_to_it)


@pytest.fixture
async def reading(control_plane: RealCluster) -> AsyncIterator[Cluster]:
    """The product's read clients, as administrator."""
    known = connections(control_plane.kubeconfig_path)
    assert known.kubernetes is not None
    client = KubernetesClient(known.kubernetes, clock=SystemClock())
    yield Cluster(name=NAME, clock=SystemClock(), connections=known, kubernetes=client)
    await client.close()


@pytest.fixture
async def writing(control_plane: RealCluster, namespace: str, tmp_path: Path) -> AsyncIterator[WriteCluster]:
    """The executor's client: a service account that may do exactly what the actions on workloads say they need."""
    rules = [
        {"apiGroups": [need.group], "resources": [_resource(need)], "verbs": [need.verb]}
        for kind in ("rollback_workload", "scale_workload", "set_resources", "restart_workload", "delete_pod")
        for need in actions()[ActionKind(kind)].needs  # type: ignore[attr-defined]
    ]
    control_plane.create(*service_account("executor", namespace=namespace, rules=rules))
    path = control_plane.service_account_kubeconfig(namespace, "executor", path=tmp_path / "executor.kubeconfig")
    known = connections(path)
    assert known.kubernetes_write is not None
    client = KubernetesClient(known.kubernetes_write, clock=SystemClock())
    yield WriteCluster(name=NAME, clock=SystemClock(), connections=known, kubernetes=client)
    await client.close()


def _resource(need: Need) -> str:
    return f"{need.resource}/{need.subresource}" if need.subresource else need.resource


def request(namespace: str, kind: str, target: str, **arguments: Scalar) -> ActionRequest:
    return ActionRequest(kind=ActionKind(kind), target=EntityId(f"{NAME}/{namespace}/{target}"), arguments=arguments)


def rolled_out(cluster: RealCluster, namespace: str, *, ready: int, revision: int) -> None:
    def look() -> bool:
        found = cluster.apps.read_namespaced_deployment("app", namespace, **CALL)
        marks = found.metadata.annotations or {}
        done = (found.status.updated_replicas or 0) == (found.status.replicas or 0) == ready
        return done and (found.status.ready_replicas or 0) == ready and marks.get(REVISION) == str(revision)

    eventually(look, what=f"revision {revision} with {ready} ready pods", seconds=40)


REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture
def two_revisions(own_control_plane: ControlPlane, namespace: str) -> str:
    """Deployment `app`: revision 1 with 128Mi, revision 2 with a limit that its process does not get along with."""
    told = {"needs-memory": "96Mi"}
    good = pod_template("app", image="shop/api:1", memory="128Mi", told=told)
    own_control_plane.create(deployment("app", namespace=namespace, template=good, replicas=2))
    rolled_out(own_control_plane, namespace, ready=2, revision=1)
    bad = pod_template("app", image="shop/api:1", memory="64Mi", told=told)
    own_control_plane.apps.patch_namespaced_deployment(
        "app", namespace, {"spec": {"template": bad}}, field_manager="kubectl-edit", **CALL
    )
    eventually(lambda: _killed(own_control_plane, namespace), what="a pod that is OOM-killed")
    return namespace


def _killed(cluster: RealCluster, namespace: str) -> bool:
    listed = cluster.core.list_namespaced_pod(namespace, **CALL).items
    statuses = [status for pod in listed for status in pod.status.container_statuses or []]
    ends = [status.last_state.terminated or status.state.terminated for status in statuses]
    return any(end is not None and end.reason == "OOMKilled" for end in ends)


async def test_a_bad_rollout_is_seen_rolled_back_and_taken_back_again(
    two_revisions: str, reading: Cluster, writing: WriteCluster, own_control_plane: ControlPlane
) -> None:
    namespace, entity = two_revisions, EntityId(f"{NAME}/{two_revisions}/deployment/app")
    seen = await pods.run(reading, Where(entity=entity))
    assert any(c.ended and c.ended.oom_killed for pod in seen.view.pods for c in pod.containers)
    history = (await revisions.run(reading, Where(entity=entity))).view.rollouts[0]
    assert history.current is not None
    assert history.current.actor == "kubectl-edit"
    limits = [c for c in history.current.changes if c.path.endswith("[app].resources.limits.memory")]
    assert [(c.before, c.after) for c in limits] == [("128Mi", "64Mi")]

    action, asked = (
        actions()[ActionKind("rollback_workload")],
        request(namespace, "rollback_workload", "deployment/app"),
    )
    snapshot = await action.capture(writing, asked)
    preview = await action.preview(writing, asked, snapshot)
    assert preview.accepted, preview.refusal
    assert {change.path.rsplit("].", 1)[-1] for change in preview.diff} == {
        "resources.limits.memory",
        "resources.requests.memory",
    }
    await action.apply(writing, asked, snapshot, "key-1")
    rolled_out(own_control_plane, namespace, ready=2, revision=3)
    progress = await action.observe(writing, asked, snapshot, "key-1")
    assert (progress.outcome, progress.done, progress.text) == (ActionOutcome.HAPPENED, True, "2/2 ready")

    await action.undo(writing, asked, snapshot, "key-2")
    template = own_control_plane.apps.read_namespaced_deployment("app", namespace, **CALL).spec.template
    assert template.spec.containers[0].resources.limits == {"memory": "64Mi"}


async def test_what_changed_after_the_approval_is_not_touched(
    two_revisions: str, writing: WriteCluster, own_control_plane: ControlPlane
) -> None:
    action, asked = (
        actions()[ActionKind("rollback_workload")],
        request(two_revisions, "rollback_workload", "deployment/app"),
    )
    snapshot = await action.capture(writing, asked)
    own_control_plane.apps.patch_namespaced_deployment("app", two_revisions, {"spec": {"minReadySeconds": 1}}, **CALL)
    with pytest.raises(ConflictError, match="generation"):
        await action.apply(writing, asked, snapshot, "key-1")
    found = own_control_plane.apps.read_namespaced_deployment("app", two_revisions, **CALL)
    assert "midwatch.dev/action-key" not in (found.metadata.annotations or {})


async def test_resources_and_replicas_are_set_and_put_back(
    two_revisions: str, writing: WriteCluster, own_control_plane: ControlPlane
) -> None:
    for kind, arguments, seen in (
        ("set_resources", {"memory_limit": "1024Mi", "cpu_limit": 0.5}, {"memory": "1Gi", "cpu": "500m"}),
        ("scale_workload", {"replicas": 3}, 3),
    ):
        action, asked = actions()[ActionKind(kind)], request(two_revisions, kind, "deployment/app", **arguments)  # type: ignore[arg-type]
        snapshot = await action.capture(writing, asked)
        preview = await action.preview(writing, asked, snapshot)
        assert preview.accepted, preview.refusal
        await action.apply(writing, asked, snapshot, f"{kind}-1")
        found = own_control_plane.apps.read_namespaced_deployment("app", two_revisions, **CALL).spec
        now = found.replicas if kind == "scale_workload" else found.template.spec.containers[0].resources.limits
        assert now == seen
        await action.undo(writing, asked, snapshot, f"{kind}-2")
    found = own_control_plane.apps.read_namespaced_deployment("app", two_revisions, **CALL).spec
    assert found.replicas == 2
    assert found.template.spec.containers[0].resources.limits == {"memory": "64Mi"}


async def test_a_change_that_the_server_does_not_take_is_refused_in_the_preview(
    two_revisions: str, writing: WriteCluster
) -> None:
    asked = request(two_revisions, "set_resources", "deployment/app", memory_request="1Gi")
    action = actions()[ActionKind("set_resources")]
    preview = await action.preview(writing, asked, await action.capture(writing, asked))
    assert not preview.accepted
    assert "must be less than or equal to memory limit" in (preview.refusal or "")


async def test_what_the_credentials_may_not_do_is_said_with_who_and_what(
    two_revisions: str, writing: WriteCluster
) -> None:
    asked = ActionRequest(kind=ActionKind("cordon_node"), target=EntityId(f"{NAME}/-/node/node-1"))
    with pytest.raises(ForbiddenError, match=r"executor.*cannot get resource .nodes"):
        await actions()[ActionKind("cordon_node")].capture(writing, asked)


async def test_a_disruption_budget_refuses_an_eviction_for_good(
    own_control_plane: ControlPlane, namespace: str, reading: Cluster, writing: WriteCluster
) -> None:
    own_control_plane.create(
        deployment("app", namespace=namespace, template=pod_template("app", image="shop/api:1")),
        disruption_budget("app", namespace=namespace, min_available=1),
    )
    rolled_out(own_control_plane, namespace, ready=1, revision=1)

    def budgeted() -> bool:
        status = own_control_plane.policy.read_namespaced_pod_disruption_budget("app", namespace, **CALL).status
        return (status.expected_pods or 0) == 1

    eventually(budgeted, what="the budget's own count")
    name = (await pods.run(reading, Where(namespace=namespace))).view.pods[0].meta.name
    asked = request(namespace, "delete_pod", f"pod/{name}")
    action = actions()[ActionKind("delete_pod")]
    snapshot = await action.capture(writing, asked)
    preview = await action.preview(writing, asked, snapshot)
    assert not preview.accepted
    assert "PodDisruptionBudget refuses" in (preview.refusal or "")
    with pytest.raises(PermanentError, match="PodDisruptionBudget refuses"):
        await action.apply(writing, asked, snapshot, "key-1")
    assert (await action.observe(writing, asked, snapshot, "key-1")).outcome is ActionOutcome.NOT_HAPPENED

    own_control_plane.policy.delete_namespaced_pod_disruption_budget("app", namespace, **CALL)
    await action.apply(writing, asked, snapshot, "key-1")
    assert (await action.observe(writing, asked, snapshot, "key-1")).outcome is ActionOutcome.HAPPENED


async def test_a_bare_pod_is_not_deleted(
    own_control_plane: ControlPlane, namespace: str, writing: WriteCluster
) -> None:
    template = pod_template("app", image="shop/api:1")
    template["metadata"] |= {"name": "alone", "namespace": namespace}
    own_control_plane.create({"apiVersion": "v1", "kind": "Pod", **template})
    with pytest.raises(PermanentError, match="no controller"):
        await actions()[ActionKind("delete_pod")].capture(writing, request(namespace, "delete_pod", "pod/alone"))


async def test_the_client_pages_compares_and_translates(
    control_plane: RealCluster, namespace: str, reading: Cluster
) -> None:
    client = reading.kubernetes
    assert client is not None
    for number in range(3):
        control_plane.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"c{number}", "namespace": namespace},
                "data": {"key": "value"},
            }
        )
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    names = [item.word("metadata", "name") for item in (await client.list(path)).items]
    assert names[:3] == ["c0", "c1", "c2"]
    bare = await client.list(path, metadata_only=True)
    assert [item.has("data") for item in bare.items[:3]] == [False, False, False]
    one = await client.get(f"{path}/c0")
    stale = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "add", "path": "/data/more", "value": "x"},
    ]
    with pytest.raises(ConflictError):
        await client.patch(f"{path}/c0", stale, kind=PatchKind.JSON)
    with pytest.raises(ConflictError):
        await client.delete(f"{path}/c0", uid="00000000-0000-0000-0000-000000000000")
    await client.delete(f"{path}/c0", uid=one.word("metadata", "uid"))
    with pytest.raises(NotFoundError):
        await client.get(f"{path}/c0")
    assert (await client.version()).startswith("v1.")


ARGUMENTS: dict[str, dict[str, Any]] = {
    "kubernetes.template_refs": {
        "workload": f"{NAME}/default/deployment/app",
        "revision": 1,
        "wanted": ({"kind": "configmap", "name": "kube-root-ca.crt"},),
    }
}
"""Of probes that ask for more than a namespace."""


@pytest.mark.parametrize("name", sorted(name for name in probes() if name.startswith("kubernetes.")))
async def test_every_probe_is_answered_by_a_real_server(reading: Cluster, namespace: str, name: str) -> None:
    probe = probes()[name]
    place = {"namespace": namespace} if "namespace" in probe.args.model_fields else {}
    found = await probe.run(reading, probe.args(**ARGUMENTS.get(name, {}), **place))
    assert isinstance(found.view, probe.view)
    assert found.evidence.query


async def test_the_probes_agree_on_a_crashing_deployment(
    two_revisions: str, reading: Cluster, own_control_plane: ControlPlane
) -> None:
    place, entity = Where(namespace=two_revisions), EntityId(f"{NAME}/{two_revisions}/deployment/app")
    backed_off = await _backed_off(reading, place)
    assert {event.owner for event in backed_off} == {entity}
    workload = (await workloads.run(reading, place)).view.workloads[0]
    assert workload.meta.entity == entity
    assert any(m.manager == "kubectl-edit" for m in workload.meta.managers)
    found = (await inventory.run(reading, place)).view
    owned = {edge.target for edge in found.edges if edge.source == entity and edge.relation == "owns"}
    assert len(owned) == 2, "two ReplicaSets"
    refs = (await config_refs.run(reading, place)).view.refs
    assert [(ref.kind, ref.name, ref.exists) for ref in refs] == [("serviceaccount", "default", True)]
    node = (await nodes.run(reading, Where())).view.nodes[0]
    assert node.ready
    assert node.heartbeat is not None
    report = (await access.run(reading, access.AccessWanted(namespace=two_revisions))).view
    assert report.user
    assert report.missing == ()


async def _backed_off(reading: Cluster, place: Where) -> list[Any]:
    clock = SystemClock()
    for _ in range(100):
        found = [e for e in (await events.run(reading, place)).view.events if e.reason == "BackOff"]
        if found:
            return found
        await clock.sleep(0.2)
    raise AssertionError("no BackOff event came")


@pytest.mark.parametrize("kind", ["statefulset", "daemonset"])
async def test_sets_are_rolled_back_by_their_controller_revisions(
    own_control_plane: ControlPlane, namespace: str, reading: Cluster, writing: WriteCluster, kind: str
) -> None:
    made = deployment("app", namespace=namespace, template=pod_template("app", image="shop/api:1"))
    made["kind"] = {"statefulset": "StatefulSet", "daemonset": "DaemonSet"}[kind]
    if kind == "daemonset":
        del made["spec"]["replicas"]
    own_control_plane.create(made)
    read = getattr(own_control_plane.apps, f"read_namespaced_{kind.replace('set', '_set')}")
    change = getattr(own_control_plane.apps, f"patch_namespaced_{kind.replace('set', '_set')}")
    entity = EntityId(f"{NAME}/{namespace}/{kind}/app")

    def kept() -> int:
        return len(own_control_plane.apps.list_namespaced_controller_revision(namespace, **CALL).items)

    eventually(lambda: kept() == 1, what="the first revision")
    change("app", namespace, {"spec": {"template": pod_template("app", image="shop/api:2")}}, **CALL)
    eventually(lambda: kept() == 2, what="the second revision")

    def observed() -> bool:
        found = read("app", namespace, **CALL)
        return bool(found.status.observed_generation == found.metadata.generation)

    eventually(observed, what="a controller that has seen the change")
    rollout = (await revisions.run(reading, Where(entity=entity))).view.rollouts[0]
    assert [revision.images for revision in rollout.revisions] == [("shop/api:2",), ("shop/api:1",)]
    assert rollout.current is rollout.revisions[0]

    action, asked = actions()[ActionKind("rollback_workload")], request(namespace, "rollback_workload", f"{kind}/app")
    snapshot = await action.capture(writing, asked)
    assert (await action.preview(writing, asked, snapshot)).accepted
    await action.apply(writing, asked, snapshot, "key-1")
    assert read("app", namespace, **CALL).spec.template.spec.containers[0].image == "shop/api:1"
    await action.undo(writing, asked, snapshot, "key-2")
    assert read("app", namespace, **CALL).spec.template.spec.containers[0].image == "shop/api:2"
