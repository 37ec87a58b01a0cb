"""Doctor against a real API server: the shipped roles are enough and no more, and what is lacking is named exactly."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from incidents.action import ActionRequest
from incidents.ids import ActionKind, EntityId
from orchestrator.executor.readiness import Readiness, lacking, survey_writing
from service.doctor import executor, kubernetes
from service.doctor.finding import Finding, State
from service.doctor.kubernetes import KubernetesView
from tests.cluster.cluster import Cluster
from tests.cluster.eventually import eventually
from tests.cluster.manifests import service_account
from tools.action import actions
from tools.clock import SystemClock
from tools.connect import connect, connect_write
from tools.estate import Connections, KubernetesAccess

pytestmark = pytest.mark.cluster

MANIFESTS = Path(__file__).parents[2] / "deploy/kubernetes/rbac.yaml"
ON_KUBERNETES = {
    "cordon_node",
    "delete_pod",
    "restart_workload",
    "rollback_workload",
    "scale_workload",
    "set_resources",
    "uncordon_node",
}
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def shipped(namespace: str) -> list[dict[str, Any]]:
    """The shipped manifests for this namespace, with cluster-wide names of the test's own."""
    found = []
    for document in yaml.safe_load_all(MANIFESTS.read_text()):
        made = copy.deepcopy(document)
        if made["kind"] == "Namespace":
            continue
        if made["kind"].startswith("ClusterRole"):
            made["metadata"]["name"] += f"-{namespace}"
        else:
            made["metadata"]["namespace"] = namespace
        if "roleRef" in made:
            made["roleRef"]["name"] += f"-{namespace}"
            made["subjects"][0]["namespace"] = namespace
        found.append(made)
    return found


@pytest.fixture
def installed(control_plane: Cluster, namespace: str) -> Iterator[str]:
    """The shipped roles, installed into the test's namespace."""
    made = shipped(namespace)
    control_plane.create(*made)
    try:
        yield namespace
    finally:
        for document in made:
            if document["kind"].startswith("ClusterRole"):
                kind = f"{document['kind'].lower()}s"
                control_plane.request("DELETE", f"{RBAC}/{kind}/{document['metadata']['name']}")


def account(cluster: Cluster, namespace: str, name: str, folder: Path) -> KubernetesAccess:
    path = cluster.service_account_kubeconfig(namespace, name, path=folder / f"{name}.kubeconfig")
    return KubernetesAccess(kubeconfig=str(path))


def in_force(cluster: Cluster, namespace: str, name: str, /, **wanted: str) -> None:
    """Wait until the authorizer knows of the account's binding: it learns of it through a watch."""
    user = {"user": f"system:serviceaccount:{namespace}:{name}", "groups": [f"system:serviceaccounts:{namespace}"]}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"resourceAttributes": wanted, **user},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    eventually(lambda: cluster.request("POST", path, body=body)["status"].get("allowed"), what=f"{name} is bound")


async def reading(connections: Connections) -> tuple[KubernetesView | None, Finding]:
    async with connect(connections, clock=SystemClock()) as cluster:
        return await kubernetes.check(cluster)


def judged(seen: Readiness) -> dict[str, tuple[str, ...]]:
    return {action.kind: action.missing for action in seen.actions if action.kind in ON_KUBERNETES}


async def test_the_shipped_roles_are_enough_and_no_more(control_plane: Cluster, installed: str, tmp_path: Path) -> None:
    connections = Connections(
        name="prod",
        kubernetes=account(control_plane, installed, "midwatch-reader", tmp_path),
        kubernetes_write=account(control_plane, installed, "midwatch-executor", tmp_path),
    )
    in_force(control_plane, installed, "midwatch-reader", verb="list", resource="pods")
    in_force(control_plane, installed, "midwatch-executor", verb="patch", resource="nodes")
    in_force(control_plane, installed, "midwatch-executor", verb="patch", group="apps", resource="deployments")
    view, found = await reading(connections)
    assert found.state is State.OK, found
    assert view is not None
    assert view.user == f"system:serviceaccount:{installed}:midwatch-reader"
    assert (view.writes, view.secrets) == ((), False)
    assert found.blind == ("references to Secrets or keys that are not there, and certificates that end",)
    assert view.server_time is not None
    assert abs((datetime.now(UTC) - view.server_time).total_seconds()) < 60

    seen = await survey_writing(connections, clock=SystemClock())
    assert judged(seen) == dict.fromkeys(ON_KUBERNETES, ())
    assert seen.excess == ()


async def test_an_account_that_may_do_little_is_told_what_it_lacks_by_verb_and_resource(
    control_plane: Cluster, namespace: str, tmp_path: Path
) -> None:
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
    ]
    control_plane.create(*service_account("narrow", namespace=namespace, rules=rules))
    in_force(
        control_plane, namespace, "narrow", verb="patch", group="apps", resource="deployments", namespace=namespace
    )
    narrow = account(control_plane, namespace, "narrow", tmp_path)
    connections = Connections(name="prod", kubernetes=narrow, kubernetes_write=narrow, namespaces=(namespace,))

    view, found = await reading(connections)
    assert found.state is State.FAILED
    assert found.means == "most causes cannot be found: deployments, events, replicasets cannot be read"
    assert view is not None
    assert f"list events in {namespace}" in view.denied
    assert "get nodes" in view.denied, "nodes are asked about cluster-wide"
    assert view.writes == (f"patch deployments.apps in {namespace}",)

    seen = await survey_writing(connections, clock=SystemClock())
    missing = judged(seen)
    assert missing["delete_pod"] == (f"create pods/eviction in {namespace}",)
    assert missing["cordon_node"] == ("get nodes", "patch nodes")
    assert missing["scale_workload"] == (
        f"get statefulsets.apps in {namespace}",
        f"patch statefulsets.apps in {namespace}",
    )
    assert f"list replicasets.apps in {namespace}" in missing["rollback_workload"]
    assert executor.judge(seen).state is State.DEGRADED


async def test_before_a_card_offers_approve_only_what_its_own_target_needs_is_asked(
    control_plane: Cluster, namespace: str, tmp_path: Path
) -> None:
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
        {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list"]},
        {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
    ]
    control_plane.create(*service_account("deployer", namespace=namespace, rules=rules))
    in_force(
        control_plane, namespace, "deployer", verb="list", group="apps", resource="replicasets", namespace=namespace
    )
    connections = Connections(name="prod", kubernetes_write=account(control_plane, namespace, "deployer", tmp_path))
    rollback = actions()[ActionKind("rollback_workload")]

    def request(where: str, kind: str) -> ActionRequest:
        return ActionRequest(kind=ActionKind("rollback_workload"), target=EntityId(f"prod/{where}/{kind}/web"))

    async with connect_write(connections, clock=SystemClock()) as cluster:
        assert await lacking(cluster, rollback, request(namespace, "deployment")) == ()
        assert set(await lacking(cluster, rollback, request(namespace, "statefulset"))) == {
            f"get statefulsets.apps in {namespace}",
            f"patch statefulsets.apps in {namespace}",
            f"list controllerrevisions.apps in {namespace}",
        }
        assert len(await lacking(cluster, rollback, request("default", "deployment"))) == 4


async def test_an_administrator_is_more_than_an_executor_should_be(control_plane: Cluster) -> None:
    admin = KubernetesAccess(kubeconfig=str(control_plane.kubeconfig_path))
    seen = await survey_writing(Connections(name="prod", kubernetes_write=admin), clock=SystemClock())
    assert {"get secrets", "delete deployments.apps", "create pods/exec", "impersonate users"} <= set(seen.excess)
    found = executor.judge(seen)
    assert found.state is State.DEGRADED
    assert found.means.endswith("the executor could do more harm than it has to")


def spoil(path: Path) -> None:
    kubeconfig = yaml.safe_load(path.read_text())
    kubeconfig["users"][0]["user"]["token"] = "nobody"
    path.write_text(yaml.safe_dump(kubeconfig))


async def test_a_token_of_nobody_is_a_row(control_plane: Cluster, installed: str, tmp_path: Path) -> None:
    access = account(control_plane, installed, "midwatch-reader", tmp_path)
    spoil(Path(access.kubeconfig or ""))
    _, found = await reading(Connections(name="prod", kubernetes=access))
    assert found.state is State.FAILED
    assert "does not accept these credentials" in found.found


def test_the_executor_really_cannot_read_a_secret(control_plane: Cluster, installed: str) -> None:
    from kubernetes import client

    in_force(control_plane, installed, "midwatch-executor", verb="patch", resource="nodes")
    core: Any = client.CoreV1Api(control_plane.service_account_api(installed, "midwatch-executor"))
    with pytest.raises(ApiException) as refused:
        core.list_namespaced_secret(installed, _request_timeout=10)
    assert refused.value.status == 403
