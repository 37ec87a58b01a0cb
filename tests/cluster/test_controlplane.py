"""The control plane itself: what the product's tests take for granted about it is shown here."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.aio import client as aio_client
from kubernetes.aio import config as aio_config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from tests.cluster.cluster import Cluster
from tests.cluster.controlplane import ControlPlane
from tests.cluster.daemon import DaemonFailedError
from tests.cluster.eventually import eventually
from tests.cluster.manifests import deployment, disruption_budget, pod_template, service_account

pytestmark = pytest.mark.cluster

REVISION = "deployment.kubernetes.io/revision"
CALL: dict[str, Any] = {"_request_timeout": 10}


def available(cluster: Cluster, namespace: str, name: str, *, replicas: int) -> Any:
    found = cluster.apps.read_namespaced_deployment(name, namespace, **CALL)
    status = found.status
    up_to_date = status.observed_generation == found.metadata.generation and status.updated_replicas == replicas
    return found if up_to_date and status.available_replicas == replicas == status.replicas else None


def roll_out(cluster: Cluster, namespace: str, name: str, *, replicas: int = 1, image: str = "shop/web:1") -> None:
    cluster.create(deployment(name, namespace=namespace, replicas=replicas, template=pod_template(name, image=image)))
    eventually(lambda: available(cluster, namespace, name, replicas=replicas), what=f"{name} available")


def test_the_version_is_that_of_a_release(control_plane: Cluster) -> None:
    version = client.VersionApi(control_plane.api).get_code(**CALL)
    assert version.major == "1"
    assert int(version.minor.rstrip("+")) >= 33
    assert version.git_version.startswith(f"v1.{version.minor}")


def test_a_deployment_rolls_out_and_keeps_its_history(control_plane: Cluster, namespace: str) -> None:
    roll_out(control_plane, namespace, "web", replicas=2)
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop/web:2"}]}}}}
    control_plane.apps.patch_namespaced_deployment("web", namespace, change, **CALL)
    eventually(lambda: available(control_plane, namespace, "web", replicas=2), what="the second revision available")

    sets = control_plane.apps.list_namespaced_replica_set(namespace, **CALL).items
    by_revision = {s.metadata.annotations[REVISION]: s for s in sets}
    assert {r: s.spec.template.spec.containers[0].image for r, s in by_revision.items()} == {
        "1": "shop/web:1",
        "2": "shop/web:2",
    }
    assert {r: s.status.replicas for r, s in by_revision.items()} == {"1": 0, "2": 2}


def test_a_service_account_may_do_what_its_role_says_and_gets_403_for_the_rest(
    control_plane: Cluster, namespace: str
) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    control_plane.create(*service_account("reader", namespace=namespace, rules=rules))
    reader: Any = client.CoreV1Api(control_plane.service_account_api(namespace, "reader"))

    # The authorizer learns of a new binding through a watch.
    def may_list() -> bool:
        try:
            reader.list_namespaced_pod(namespace, **CALL)
        except ApiException as error:
            if error.status != 403:
                raise
            return False
        return True

    eventually(may_list, what="the role binding in force")
    with pytest.raises(ApiException) as refused:
        reader.delete_namespaced_pod("any", namespace, **CALL)
    assert refused.value.status == 403
    assert f"system:serviceaccount:{namespace}:reader" in str(refused.value.body)


def test_the_kubeconfig_of_a_service_account_is_that_account(
    control_plane: Cluster, namespace: str, service_account_kubeconfig: Path
) -> None:
    account = Cluster(service_account_kubeconfig)
    authentication: Any = client.AuthenticationV1Api(account.api)
    review = authentication.create_self_subject_review({}, **CALL)
    assert review.status.user_info.username == f"system:serviceaccount:{namespace}:default"
    assert service_account_kubeconfig.stat().st_mode & 0o077 == 0, "a token is nobody else's to read"


async def test_the_asynchronous_client_takes_the_kubeconfig_too(
    control_plane: Cluster, namespace: str, service_account_kubeconfig: Path
) -> None:
    configuration: Any = aio_client.Configuration()
    await aio_config.load_kube_config(str(service_account_kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call] # generated without types
    async with aio_client.ApiClient(configuration) as api:
        with pytest.raises(aio_client.ApiException) as refused:
            await aio_client.CoreV1Api(api).list_namespaced_pod(namespace, **CALL)
    assert refused.value.status == 403


def test_a_disruption_budget_refuses_an_eviction_with_429(control_plane: Cluster, namespace: str) -> None:
    roll_out(control_plane, namespace, "web")
    control_plane.create(disruption_budget("web", namespace=namespace, min_available=1))
    policy = control_plane.policy
    eventually(
        lambda: policy.read_namespaced_pod_disruption_budget("web", namespace, **CALL).status.current_healthy == 1,
        what="the budget counts the pod",
    )
    pod = control_plane.core.list_namespaced_pod(namespace, **CALL).items[0].metadata.name
    with pytest.raises(ApiException) as refused:
        control_plane.core.create_namespaced_pod_eviction(pod, namespace, {"metadata": {"name": pod}}, **CALL)
    assert refused.value.status == 429
    assert "disruption budget" in str(refused.value.body)


def test_a_dry_run_answers_with_the_change_and_changes_nothing(own_control_plane: ControlPlane, namespace: str) -> None:
    roll_out(own_control_plane, namespace, "web")
    apps = own_control_plane.apps
    answer = apps.patch_namespaced_deployment("web", namespace, {"spec": {"replicas": 3}}, dry_run="All", **CALL)
    assert answer.spec.replicas == 3
    assert apps.read_namespaced_deployment("web", namespace, **CALL).spec.replicas == 1

    (tried,) = [e for e in own_control_plane.audit_events() if e.verb == "patch" and e.namespace == namespace]
    assert (tried.resource, tried.name, tried.code, tried.dry_run) == ("deployments", "web", 200, True)
    assert tried.writes
    assert not tried.changed_something


def test_the_audit_log_shows_who_wrote_what_and_what_was_refused(
    own_control_plane: ControlPlane, namespace: str
) -> None:
    roll_out(own_control_plane, namespace, "web", replicas=2)
    own_control_plane.apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}}, **CALL)
    account: Any = client.AppsV1Api(own_control_plane.service_account_api(namespace, "default"))
    with pytest.raises(ApiException):
        account.patch_namespaced_deployment("web", namespace, {"spec": {"replicas": 9}}, **CALL)
    with pytest.raises(ApiException):
        account.read_namespaced_deployment("web", namespace, **CALL)

    here = [e for e in own_control_plane.audit_events(user="admin") if e.namespace == namespace]
    assert [(e.verb, e.resource, e.name, e.code) for e in here] == [
        ("create", "deployments", "web", 201),
        ("patch", "deployments/scale", "web", 200),
        ("create", "serviceaccounts/token", "default", 201),
    ]
    assert here[1].body == {"spec": {"replicas": 1}}

    name = f"system:serviceaccount:{namespace}:default"
    (refused,) = own_control_plane.audit_events(user=name)
    assert (refused.verb, refused.code, refused.changed_something) == ("patch", 403, False)
    both = own_control_plane.audit_events(user=name, writes_only=False)
    assert [e.verb for e in both] == ["patch", "get"]


def test_the_control_plane_itself_is_not_in_the_audit_log(own_control_plane: ControlPlane, namespace: str) -> None:
    roll_out(own_control_plane, namespace, "web")
    users = {event.user for event in own_control_plane.audit_events(writes_only=False)}
    machinery = ("system:node:", "system:kube-", "system:apiserver", "system:serviceaccount:kube-system:")
    assert "admin" in users
    assert not [user for user in users if user.startswith(machinery)]


def test_a_frozen_api_server_answers_nobody_and_then_goes_on(own_control_plane: ControlPlane) -> None:
    with own_control_plane.component("kube-apiserver").frozen(), pytest.raises(HTTPError):
        own_control_plane.core.list_node(_request_timeout=0.2)
    assert own_control_plane.core.list_node(**CALL).items


def test_a_start_that_fails_says_why_and_leaves_nothing_running(
    own_control_plane: ControlPlane, tmp_path: Path
) -> None:
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "etcd").symlink_to(own_control_plane._binaries / "etcd")
    (binaries / "kube-apiserver").write_text("#!/bin/sh\necho no such luck\nexit 3\n")
    (binaries / "kube-apiserver").chmod(0o755)
    broken = ControlPlane(tmp_path / "run", binaries=binaries)
    with pytest.raises(DaemonFailedError, match=r"(?s)kube-apiserver ended \(3\).*no such luck"):
        broken.start()
    assert broken.pids == {}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", broken._etcd_port)) != 0, "etcd, which did start, is stopped"
