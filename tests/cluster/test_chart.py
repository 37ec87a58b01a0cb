"""The chart, by Helm itself: linted, installed and upgraded on a real API server, where each role is refused what is not its own."""

from __future__ import annotations

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
BUILD_HELM = ROOT / "tests" / "cluster" / "helm" / "build.sh"
ASK_ONE = "rules:\n  - {name: everything, effect: ask, approvals: 1, approvers: [oncall]}\n"
ASK_TWO = ASK_ONE.replace("approvals: 1", "approvals: 2")
Render = Callable[..., list[dict[str, Any]]]


class Helm:
    """Helm itself, as administrator of the cluster; without one it renders only."""

    def __init__(self, program: Path, *, kubeconfig: Path | None = None) -> None:
        self._program, self._kubeconfig = program, kubeconfig

    def run(self, *arguments: str | Path, **values: object) -> subprocess.CompletedProcess[str]:
        """Run it over the chart's values with these over them."""
        cluster = ("--kubeconfig", self._kubeconfig) if self._kubeconfig else ()
        given = ("--values", "-") if values else ()
        return subprocess.run(
            [self._program, *arguments, *given, *cluster],
            input=yaml.safe_dump(values),
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HELM_DRIVER": "secret"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def done(self, *arguments: str | Path, **values: object) -> str:
        """The same; fails with what it said."""
        said = self.run(*arguments, **values)
        assert said.returncode == 0, said.stderr
        return said.stdout


@pytest.fixture(scope="session")
def program() -> Path:
    """Helm, which `make setup` built from its published modules."""
    said = subprocess.run([BUILD_HELM], capture_output=True, text=True, check=False, timeout=900)
    if said.returncode != 0:
        pytest.skip(f"cluster: {said.stderr.strip()}")
    return Path(said.stdout.strip())


@pytest.fixture
def helm(program: Path, control_plane: Cluster) -> Helm:
    """Helm with the cluster's administrator."""
    return Helm(program, kubeconfig=control_plane.kubeconfig_path)


@pytest.fixture
def render(program: Path) -> Render:
    """Render the chart as release `mw` into a namespace, with these values over its own."""

    def rendered(namespace: str, **values: object) -> list[dict[str, Any]]:
        arguments = ("template", "mw", CHART, "--namespace", namespace, "--kube-version", "1.34")
        return documents_of(Helm(program).done(*arguments, **values))

    return rendered


def documents_of(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


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


def test_lint_has_nothing_to_say(program: Path) -> None:
    said = Helm(program).run("lint", "--strict", "--quiet", CHART)
    assert (said.returncode, said.stdout.strip(), said.stderr.strip()) == (0, "", "")


BAD: dict[str, tuple[dict[str, object], str]] = {
    "a word for a number": ({"web": {"replicas": "two"}}, "at '/web/replicas': got string, want integer"),
    "no replica at all": ({"executor": {"replicas": 0}}, "at '/executor/replicas': minimum: got 0, want 1"),
    "a name with a slip": ({"wbe": {"replicas": 2}}, "additional properties 'wbe' not allowed"),
    "a word that means nothing": ({"image": {"pullPolicy": "Sometimes"}}, "value must be one of 'Always'"),
    "a password in a ConfigMap": (
        {"settings": {"database_url": "postgresql://midwatch:secret@db/midwatch"}},
        "put MIDWATCH_DATABASE_URL into the Secrets",
    ),
    "write credentials for every role": (
        {"settings": {"clusters": [{"name": "main", "kubernetes_write": {"in_cluster": True}}]}},
        "write it as write.main.kubernetes_write, which the executor alone is given",
    ),
    "write credentials for a cluster that is not there": (
        {"write": {"mian": {"kubernetes_write": {"in_cluster": True}}}},
        "write.mian: settings.clusters has no cluster of that name (it has: main)",
    ),
    "read credentials among those for writing": (
        {"write": {"main": {"prometheus": {"url": "http://prometheus"}}}},
        "at '/write/main': additional properties 'prometheus' not allowed",
    ),
    "a policy that nobody would read": ({"policy": {"policy.yml": "rules: []"}}, "'policy.yml' does not match"),
}


@pytest.mark.parametrize("case", BAD)
def test_values_that_make_no_sense_are_refused_in_words(program: Path, case: str) -> None:
    values, words = BAD[case]
    said = Helm(program).run("template", "mw", CHART, "--kube-version", "1.34", **values)
    assert said.returncode != 0
    assert words in said.stderr


def test_a_policy_is_mounted_and_a_changed_one_restarts_nobody(render: Render) -> None:
    one, other = (render("midwatch", policy={"policy.yaml": text}) for text in (ASK_ONE, ASK_TWO))
    assert of(other, "ConfigMap")["mw-policy"]["data"] == {"policy.yaml": ASK_TWO}
    assert of(one, "Deployment") == of(other, "Deployment")
    for name, found in of(one, "Deployment").items():
        mounts = {m["name"]: m["mountPath"] for m in found["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
        written = yaml.safe_load(of(one, "ConfigMap")[name]["data"]["midwatch.yaml"])
        assert written["policy"] == mounts["policy"] == "/etc/midwatch-policy"


@pytest.fixture
def installed(helm: Helm, namespace: str) -> Iterator[list[dict[str, Any]]]:
    """The chart, installed into the test's namespace; its executor may act there and nowhere else."""
    helm.done("install", "mw", CHART, "--namespace", namespace, **confined(namespace))
    try:
        yield documents_of(helm.done("get", "manifest", "mw", "--namespace", namespace))
    finally:
        helm.done("uninstall", "mw", "--namespace", namespace, "--wait=false")


def confined(namespace: str) -> dict[str, object]:
    return {"rbac": {"create": True, "executorNamespaces": [namespace], "executorNodes": False}}


def test_the_server_takes_it_before_it_is_installed(helm: Helm, namespace: str) -> None:
    values = confined(namespace) | {"watcher": {"enabled": True}, "policy": {"policy.yaml": ASK_ONE}}
    said = helm.done("install", "mw", CHART, "--namespace", namespace, "--dry-run=server", **values)
    assert "mw-watcher" in said
    assert f"kubectl -n {namespace} exec deploy/mw-executor -- midwatch doctor" in said
    assert helm.done("list", "--namespace", namespace, "--short") == ""


def test_an_upgrade_keeps_what_is_there_and_an_uninstall_leaves_nothing(
    control_plane: Cluster, helm: Helm, namespace: str
) -> None:
    values = confined(namespace) | {"policy": {"policy.yaml": ASK_ONE}}
    helm.done("install", "mw", CHART, "--namespace", namespace, **values)
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}/deployments"
    kept = (f"{core}/serviceaccounts/mw-executor", f"{core}/services/mw-web", f"{apps}/mw-web", f"{apps}/mw-executor")

    def seen(*path: str) -> dict[str, Any]:
        return {one: control_plane.request("GET", one) for one in path}

    before = seen(*kept)
    role = f"{RBAC}/clusterroles/{namespace}-mw-executor"
    assert control_plane.request("GET", role)["rules"]
    values |= {"policy": {"policy.yaml": ASK_TWO}, "web": {"replicas": 3}}
    helm.done("upgrade", "mw", CHART, "--namespace", namespace, **values)
    after = seen(*kept)
    assert {path: one["metadata"]["uid"] for path, one in after.items()} == {
        path: one["metadata"]["uid"] for path, one in before.items()
    }
    service = f"{core}/services/mw-web"
    assert after[service]["spec"]["clusterIP"] == before[service]["spec"]["clusterIP"]
    assert after[f"{apps}/mw-web"]["spec"]["replicas"] == 3
    for path in kept[2:]:
        assert after[path]["spec"]["template"] == before[path]["spec"]["template"], "no pod has to restart"
    assert control_plane.request("GET", f"{core}/configmaps/mw-policy")["data"] == {"policy.yaml": ASK_TWO}
    helm.done("uninstall", "mw", "--namespace", namespace)
    assert {answer(control_plane, "GET", path) for path in (*kept, role)} == {404}


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
