"""The Helm chart: each role has its own account with the least it needs. Held against a real API server with real 403s."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from orchestrator.settings import Role, Settings
from tests.cluster.cluster import Cluster
from tests.cluster.eventually import eventually
from tests.cluster.manifests import deployment, pod_template
from tests.cluster.test_doctor import MANIFESTS, RBAC

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "midwatch"
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")
Render = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that renders charts, built from its few modules."""
    if shutil.which("go") is None:
        pytest.skip("cluster: go is not installed, and the chart's renderer is built with it")
    made = tmp_path_factory.mktemp("chart") / "chart"
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    command = ["go", "build", "-o", str(made), "."]
    subprocess.run(command, cwd=ROOT / "tests" / "cluster" / "chart", env=environment, check=True, timeout=280)
    return made


@pytest.fixture
def render(renderer: Path, tmp_path: Path) -> Render:
    """Render the chart as release `mw` into a namespace, with these values over its own."""

    def rendered(namespace: str, **values: object) -> list[dict[str, Any]]:
        given = tmp_path / "values.yaml"
        given.write_text(yaml.safe_dump(values))
        command = [str(renderer), str(CHART), "mw", namespace, str(given)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
        documents = [document for document in yaml.safe_load_all(said) if document]
        for document in documents:
            if document["kind"] not in CLUSTER_WIDE:
                document["metadata"].setdefault("namespace", namespace)
        return documents

    return rendered


def of(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """By name."""
    return {one["metadata"]["name"]: one for one in documents if one["kind"] == kind}


def test_only_the_executor_is_given_write_credentials(render: Render) -> None:
    maps = of(render("midwatch", watcher={"enabled": True}), "ConfigMap")
    assert sorted(maps) == ["mw-executor", "mw-watcher", "mw-web", "mw-worker"]
    for name, found in maps.items():
        written = yaml.safe_load(found["data"]["midwatch.yaml"])
        settings = Settings.model_validate(written)
        assert settings.roles == (Role(name.removeprefix("mw-")),)
        assert settings.dropped == (), f"{name} holds write credentials"
        assert [one.writable for one in settings.clusters] == [name == "mw-executor"]


def test_the_rules_are_those_of_the_shipped_manifests(render: Render) -> None:
    shipped = {
        one["metadata"]["name"]: one["rules"]
        for one in yaml.safe_load_all(MANIFESTS.read_text())
        if one["kind"] == "ClusterRole"
    }
    found = {
        name.replace("midwatch-mw-", "midwatch-"): role["rules"]
        for name, role in of(render("midwatch"), "ClusterRole").items()
    }
    assert found == shipped


def test_no_pod_may_more_than_it_has_to(render: Render) -> None:
    documents = render("midwatch", watcher={"enabled": True})
    for name, found in of(documents, "Deployment").items():
        pod = found["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert pod["serviceAccountName"] == name
        assert pod["automountServiceAccountToken"] is (name != "mw-web"), "the web role asks no cluster"
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["envFrom"] == [{"secretRef": {"name": f"midwatch-{name.removeprefix('mw-')}"}}]
    policies = of(documents, "NetworkPolicy")
    assert [name for name, one in policies.items() if one["spec"]["ingress"]] == ["mw-web"]
    closed = [one["spec"]["egress"][0]["to"][0]["ipBlock"]["except"] for one in policies.values()]
    assert closed == [["169.254.0.0/16"]] * 4, "metadata services are out of reach for all roles"


@pytest.fixture
def installed(control_plane: Cluster, namespace: str, render: Render) -> Iterator[list[dict[str, Any]]]:
    """The chart in the test's namespace; its executor may act there and nowhere else."""
    made = render(namespace, rbac={"create": True, "executorNamespaces": [namespace], "executorNodes": False})
    control_plane.create(*made)
    try:
        yield made
    finally:
        for one in made:
            if one["kind"] in CLUSTER_WIDE:
                control_plane.request("DELETE", f"{RBAC}/{one['kind'].lower()}s/{one['metadata']['name']}")


def answer(account: Cluster, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    """The status of the API server's answer."""
    try:
        account.request(method, path, body=body)
    except ApiException as error:
        return int(error.status)
    return 200


def test_an_api_server_takes_it_and_every_role_is_refused_what_is_not_its_own(
    control_plane: Cluster, namespace: str, installed: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert sorted(of(installed, "Deployment")) == ["mw-executor", "mw-web", "mw-worker"]
    target = deployment("app", namespace=namespace, template=pod_template("app", image="shop/api:1"), replicas=0)
    control_plane.create(target)
    web, worker, executor = (
        Cluster(control_plane.service_account_kubeconfig(namespace, name, path=tmp_path / name))
        for name in ("mw-web", "mw-worker", "mw-executor")
    )
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}/deployments"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    }
    eventually(lambda: answer(worker, "GET", f"{core}/pods") == 200, what="the worker may read")
    eventually(lambda: answer(executor, "GET", f"{apps}/app") == 200, what="the executor may read its target")
    tried = {
        "web reads pods": answer(web, "GET", f"{core}/pods"),
        "web reads secrets": answer(web, "GET", f"{core}/secrets"),
        "worker reads secrets": answer(worker, "GET", f"{core}/secrets"),
        "worker deletes the target": answer(worker, "DELETE", f"{apps}/app"),
        "worker creates a pod": answer(worker, "POST", f"{core}/pods", pod),
        "executor reads secrets": answer(executor, "GET", f"{core}/secrets"),
        "executor deletes the target": answer(executor, "DELETE", f"{apps}/app"),
        "executor deletes a pod": answer(executor, "DELETE", f"{core}/pods/x"),
        "executor creates a pod": answer(executor, "POST", f"{core}/pods", pod),
        "executor reads a target elsewhere": answer(
            executor, "GET", "/apis/apps/v1/namespaces/kube-system/deployments/dns"
        ),
        "executor drains nodes": answer(executor, "GET", "/api/v1/nodes/any"),
    }
    assert tried == dict.fromkeys(tried, 403)
    assert answer(control_plane, "GET", f"{apps}/app") == 200
