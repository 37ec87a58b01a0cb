"""A change tried on a clone, on a real control plane: it is watched, removed, and nothing else is written anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from incidents.action import ActionRequest
from incidents.ids import ActionKind, EntityId
from incidents.value import Scalar
from orchestrator.executor.cloning import on_a_clone, sweep
from tests.cluster.controlplane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.manifests import deployment, pod_template, service_account
from tools.action import actions
from tools.clock import ManualClock, SystemClock
from tools.estate import Connections, KubernetesAccess, WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.client import KubernetesClient
from tools.kubernetes.clone import CLONE

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/helm/midwatch/files/scratch.yaml").read_text(encoding="utf-8"))
"""What the chart lets the executor do in the scratch namespace."""
CALL: dict[str, Any] = {"_request_timeout": 10}
NAME = "real"
KIND = ActionKind("set_resources")
CLOSED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}


@pytest.fixture
def scratch(own_control_plane: ControlPlane, namespace: str) -> Iterator[str]:
    """A closed scratch namespace, in which the executor of the test's namespace may do what the chart says."""
    rbac = "rbac.authorization.k8s.io"
    with own_control_plane.namespace("scratch") as name:
        meta = {"name": "clones", "namespace": name}
        own_control_plane.create(
            {**CLOSED, "metadata": meta},
            {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": RULES},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "clones"},
                "subjects": [{"kind": "ServiceAccount", "name": "executor", "namespace": namespace}],
            },
        )
        yield name


@pytest.fixture
def kubeconfig(own_control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """The executor's: what its action needs in the test's namespace, and nothing more there."""
    needs: tuple[Need, ...] = actions()[KIND].needs  # type: ignore[attr-defined]
    rules = [{"apiGroups": [n.group], "resources": [n.resource], "verbs": [n.verb]} for n in needs]
    own_control_plane.create(*service_account("executor", namespace=namespace, rules=rules))
    return own_control_plane.service_account_kubeconfig(namespace, "executor", path=tmp_path / "executor.kubeconfig")


def connected(kubeconfig: Path, *, scratch: str) -> WriteCluster:
    access = KubernetesAccess(kubeconfig=str(kubeconfig))
    known = Connections(name=NAME, kubernetes_write=access, scratch_namespace=scratch)
    clock = SystemClock()
    return WriteCluster(name=NAME, clock=clock, connections=known, kubernetes=KubernetesClient(access, clock=clock))


@pytest.fixture
async def executing(kubeconfig: Path, scratch: str) -> AsyncIterator[WriteCluster]:
    cluster = connected(kubeconfig, scratch=scratch)
    yield cluster
    assert cluster.kubernetes is not None
    await cluster.kubernetes.close()


def request(namespace: str, **arguments: Scalar) -> ActionRequest:
    given = arguments or {"container": "app", "memory_limit": "256Mi"}
    return ActionRequest(kind=KIND, target=EntityId(f"{NAME}/{namespace}/deployment/app"), arguments=given)


def clones(cluster: ControlPlane, scratch: str) -> list[str]:
    return [pod.metadata.name for pod in cluster.core.list_namespaced_pod(scratch, label_selector=CLONE, **CALL).items]


def running(cluster: ControlPlane, namespace: str, **told: str) -> None:
    """A deployment with one pod; `told` is what the fake node makes of it."""
    template = pod_template("app", image="registry.test/app:1", memory="128Mi", told=told)
    cluster.create(deployment("app", namespace=namespace, template=template))


async def test_a_change_that_comes_up_is_ready_on_its_clone_which_is_gone_afterwards(
    own_control_plane: ControlPlane, executing: WriteCluster, namespace: str, scratch: str
) -> None:
    running(own_control_plane, namespace)
    before = len(own_control_plane.audit_events())
    told = await on_a_clone(executing, actions()[KIND], request(namespace))
    assert told.startswith("tried on a clone: ready after "), told
    eventually(lambda: clones(own_control_plane, scratch) == [], what="no clone", seconds=30)
    by_executor = [
        event
        for event in own_control_plane.audit_events()[before:]
        if event.user.endswith(f":{namespace}:executor") and event.changed_something
    ]
    assert {(event.verb, event.resource, event.namespace) for event in by_executor} == {
        ("create", "pods", scratch),
        ("delete", "pods", scratch),
    }, "nothing outside the scratch namespace was written"
    [made] = [event.body for event in by_executor if event.verb == "create"]
    assert made is not None
    assert set(made["metadata"]["labels"]) == {CLONE}, "no label that a Service or a controller selects"
    assert made["spec"]["automountServiceAccountToken"] is False
    assert made["spec"]["containers"][0]["resources"]["limits"]["memory"] == "256Mi", "the change is in it"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param({"behaviour": "crash", "exit-code": "3", "runs-seconds": "0.5"}, "exit 3", id="it crashes"),
        pytest.param({"needs-memory": "300Mi"}, "OOMKilled, exit 137", id="the new limit is too low as well"),
        pytest.param({"behaviour": "nopull"}, "ImagePull", id="its image is gone"),
    ],
)
async def test_a_change_that_does_not_come_up_says_why(
    own_control_plane: ControlPlane,
    executing: WriteCluster,
    namespace: str,
    scratch: str,
    told: dict[str, str],
    words: str,
) -> None:
    running(own_control_plane, namespace, **told)
    found = await on_a_clone(executing, actions()[KIND], request(namespace))
    assert found.startswith("tried on a clone: not ready: "), found
    assert words in found.replace("ErrImagePull", "ImagePull")
    eventually(lambda: clones(own_control_plane, scratch) == [], what="no clone", seconds=30)


async def test_what_needs_a_secret_is_not_tried(
    own_control_plane: ControlPlane, executing: WriteCluster, namespace: str, scratch: str
) -> None:
    template = pod_template("app", image="registry.test/app:1", memory="128Mi")
    source = {"secretKeyRef": {"name": "app-secrets", "key": "PASSWORD"}}
    template["spec"]["containers"][0]["env"] = [{"name": "PASSWORD", "valueFrom": source}]
    own_control_plane.create(deployment("app", namespace=namespace, template=template))
    found = await on_a_clone(executing, actions()[KIND], request(namespace))
    assert found == "cannot be tried on a clone: it needs Secret app-secrets"
    assert clones(own_control_plane, scratch) == []


async def test_nothing_is_tried_where_the_network_is_open(
    own_control_plane: ControlPlane, executing: WriteCluster, namespace: str, scratch: str
) -> None:
    running(own_control_plane, namespace)
    own_control_plane.create(
        {
            **CLOSED,
            "metadata": {"name": "open", "namespace": scratch},
            "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
        }
    )
    found = await on_a_clone(executing, actions()[KIND], request(namespace))
    assert found == f"not tried on a clone: no network policy closes namespace {scratch}"
    assert clones(own_control_plane, scratch) == []


def left_watching(kubeconfig: Path, namespace: str, scratch: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.cluster.cloner", str(kubeconfig), namespace, scratch]
    return subprocess.Popen(command, cwd=ROOT)


async def test_a_clone_that_a_killed_process_left_is_removed_by_the_next_executor(
    own_control_plane: ControlPlane, executing: WriteCluster, kubeconfig: Path, namespace: str, scratch: str
) -> None:
    running(own_control_plane, namespace, behaviour="notready")
    process = left_watching(kubeconfig, namespace, scratch)
    try:
        eventually(lambda: clones(own_control_plane, scratch) != [], what="a clone", seconds=60)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    [left] = clones(own_control_plane, scratch)
    pod = own_control_plane.core.read_namespaced_pod(left, scratch, **CALL)
    assert pod.spec.active_deadline_seconds == LIVES, "Kubernetes itself stops it, whoever comes"
    assert await sweep(executing) == 0, "its time is not over: another executor may be watching it"
    later = WriteCluster(
        name=NAME,
        clock=ManualClock(LATER),
        connections=executing.connections,
        kubernetes=executing.kubernetes,
    )
    assert await sweep(later) == 1
    eventually(lambda: clones(own_control_plane, scratch) == [], what="no clone", seconds=30)


LIVES = 120
LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""A moment at which every clone's time is over."""
