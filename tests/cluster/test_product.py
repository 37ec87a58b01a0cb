"""The product on a real control plane: a crashing rollout is found and rolled back, with the shipped roles and no more."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.manifests import deployment, disruption_budget, pod_template, service_account
from tests.cluster.product import FASTER, NAME, Product, serving, story
from tests.cluster.test_doctor import RBAC, in_force, shipped

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

CALL: dict[str, Any] = {"_request_timeout": 10}
REVISION = "deployment.kubernetes.io/revision"
READ, WRITE = "midwatch-reader", "midwatch-executor"
OK, PRECONDITION_FAILED = 200, 422
"""What the API server answers to a JSON patch whose `test` of the version holds, and to one whose `test` does not."""


@pytest.fixture
def home(own_control_plane: ControlPlane) -> Iterator[str]:
    """A namespace with Midwatch's two service accounts, bound to the shipped roles."""
    with own_control_plane.namespace("mw") as name:
        made = shipped(name)
        own_control_plane.create(*made)
        in_force(own_control_plane, name, READ, verb="list", resource="pods")
        in_force(own_control_plane, name, WRITE, verb="patch", group="apps", resource="deployments")
        try:
            yield name
        finally:
            for document in made:
                if document["kind"].startswith("ClusterRole"):
                    path = f"{RBAC}/{document['kind'].lower()}s/{document['metadata']['name']}"
                    own_control_plane.request("DELETE", path)


def account(home: str, name: str) -> str:
    return f"system:serviceaccount:{home}:{name}"


Serve = Callable[..., AbstractContextManager[Product]]


@pytest.fixture
def serve(own_control_plane: ControlPlane, home: str, namespace: str, tmp_path: Path) -> Serve:
    """Start `midwatch serve` with the shipped roles."""
    reader, executor = (
        own_control_plane.service_account_kubeconfig(home, name, path=tmp_path / f"{name}.kubeconfig")
        for name in (READ, WRITE)
    )
    return functools.partial(serving, tmp_path, reader=reader, executor=executor, namespaces=(namespace,))


def rolled_out(cluster: ControlPlane, namespace: str, *, revision: int, replicas: int = 2) -> None:
    def look() -> bool:
        found = cluster.apps.read_namespaced_deployment("app", namespace, **CALL)
        status = found.status
        counts = {status.updated_replicas or 0, status.replicas or 0, status.ready_replicas or 0}
        return counts == {replicas} and (found.metadata.annotations or {}).get(REVISION) == str(revision)

    eventually(look, what=f"revision {revision} with {replicas} ready pods", seconds=60)


def broken_by(cluster: ControlPlane, namespace: str, *, good: Mapping[str, Any], bad: Mapping[str, Any]) -> None:
    """Roll `good` out and then `bad`, and wait until a container of it ended badly twice."""
    cluster.create(deployment("app", namespace=namespace, template=dict(good), replicas=2))
    rolled_out(cluster, namespace, revision=1)
    patch = {"spec": {"template": dict(bad)}}
    cluster.apps.patch_namespaced_deployment("app", namespace, patch, field_manager="ci-deployer", **CALL)

    def restarted() -> bool:
        listed = cluster.core.list_namespaced_pod(namespace, **CALL).items
        return any(s.restart_count >= 2 for pod in listed for s in pod.status.container_statuses or [])

    eventually(restarted, what="a container that was started again twice", seconds=60)


def crash_looping(cluster: ControlPlane, namespace: str) -> dict[str, str]:
    """Labels of KubePodCrashLooping for the pod that restarts."""
    pods = cluster.core.list_namespaced_pod(namespace, **CALL).items
    pod = max(pods, key=lambda p: sum(s.restart_count for s in p.status.container_statuses or []))
    return {"namespace": namespace, "pod": pod.metadata.name, "container": "app", "job": "kube-state-metrics"}


def writes(cluster: ControlPlane, user: str) -> list[tuple[str, str, int, bool]]:
    """Verb, resource, status and whether it was a dry run, of each write that this account asked for."""
    asked = cluster.audit_events(user=user)
    reviews = ("selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews")
    return [(e.verb, e.resource, e.code, e.dry_run) for e in asked if e.resource not in reviews]


LOWERED = (
    pod_template("app", image="shop/api:1", memory="128Mi", told={"needs-memory": "96Mi"}),
    pod_template("app", image="shop/api:1", memory="64Mi", told={"needs-memory": "96Mi"}),
)
CRASHING = (pod_template("app", image="shop/api:1"), pod_template("app", image="shop/api:2-crash"))


@pytest.mark.parametrize(
    ("good", "bad", "causes"),
    [
        pytest.param(*LOWERED, {"memory_limit_too_low"}, id="a deploy lowered the memory limit"),
        pytest.param(
            *CRASHING, {"bad_code_deploy", "process_exits_at_once", "bad_config_deploy"}, id="a deploy crashes"
        ),
    ],
)
def test_a_bad_rollout_is_found_rolled_back_and_verified(
    own_control_plane: ControlPlane,
    home: str,
    namespace: str,
    serve: Serve,
    good: Mapping[str, Any],
    bad: Mapping[str, Any],
    causes: set[str],
) -> None:
    broken_by(own_control_plane, namespace, good=good, bad=bad)
    before = own_control_plane.apps.read_namespaced_deployment("app", namespace, **CALL).metadata.generation
    labels = crash_looping(own_control_plane, namespace)
    with serve() as product:
        product.alert("KubePodCrashLooping", **labels)
        record = product.until("awaiting_decision")
        [stored] = record["proposals"]
        proposed_right(stored["body"], causes=causes, entity=f"{NAME}/{namespace}/deployment/app")
        tried = writes(own_control_plane, account(home, WRITE))
        assert {(verb, resource, dry_run) for verb, resource, _, dry_run in tried} == {("patch", "deployments", True)}
        product.decide(stored["digest"])
        rolled_out(own_control_plane, namespace, revision=3)
        product.until("verifying")
    with serve(pace=FASTER) as watching:
        watching.started.update(product.started)
        watching.alert("KubePodCrashLooping", status="resolved", **labels)
        ended = watching.until("verified", "undone", "escalated", "resolved")
        assert ended["incident"]["phase"] == "verified", story(ended)
        assert watching.get("/api/v1/audit/verify")["intact"]

    changed = [entry for entry in writes(own_control_plane, account(home, WRITE)) if not entry[3]]
    done = [entry for entry in changed if entry[2] == OK]
    assert done == [("patch", "deployments", OK, False)]
    moved_meanwhile = {("patch", "deployments", PRECONDITION_FAILED, False)}
    assert set(changed) - set(done) <= moved_meanwhile, (
        "the version test of a patch may fail, and then nothing is written"
    )
    assert writes(own_control_plane, account(home, READ)) == []
    found = own_control_plane.apps.read_namespaced_deployment("app", namespace, **CALL)
    assert found.metadata.generation == before + 1
    assert found.spec.template.spec.containers[0].image == "shop/api:1"


def proposed_right(body: Mapping[str, Any], *, causes: set[str], entity: str) -> None:
    """One rollback of what is to blame."""
    assert body["cause"] in causes
    assert body["entity"] == entity
    assert [action["request"]["kind"] for action in body["actions"]] == ["rollback_workload"]


def test_an_executor_that_may_not_patch_ends_escalated_with_the_missing_right(
    own_control_plane: ControlPlane, home: str, namespace: str, tmp_path: Path
) -> None:
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list"]},
    ]
    own_control_plane.create(*service_account("timid", namespace=namespace, rules=rules))
    wanted = {"verb": "list", "group": "apps", "resource": "replicasets", "namespace": namespace}
    in_force(own_control_plane, namespace, "timid", **wanted)
    broken_by(own_control_plane, namespace, good=LOWERED[0], bad=LOWERED[1])
    before = own_control_plane.apps.read_namespaced_deployment("app", namespace, **CALL).metadata.generation
    reader = own_control_plane.service_account_kubeconfig(home, READ, path=tmp_path / "reader.kubeconfig")
    timid = own_control_plane.service_account_kubeconfig(namespace, "timid", path=tmp_path / "timid.kubeconfig")
    with serving(tmp_path, reader=reader, executor=timid, namespaces=(namespace,)) as product:
        product.alert("KubePodCrashLooping", **crash_looping(own_control_plane, namespace))
        ended = product.until("escalated", "awaiting_decision", "inconclusive")
        told = story(ended)
        assert ended["incident"]["phase"] == "escalated", told
        assert "cannot patch" in told or "patch deployments" in told, told
        assert ended["proposals"] == []
    refused = writes(own_control_plane, account(namespace, "timid"))
    assert refused, "it was the API server that refused"
    assert {code for _, _, code, _ in refused} == {403}
    after = own_control_plane.apps.read_namespaced_deployment("app", namespace, **CALL).metadata.generation
    assert after == before


RUNBOOK = """\
---
title: Memory limit below what the process needs
cause: memory_limit_too_low
scope: workload
facts:
  must: [container.oom_killed]
actions: [delete_pod]
success: [alert_resolved]
---
## Meaning
A team that would rather evict the pod.
"""


def test_a_disruption_budget_that_refuses_the_eviction_ends_escalated_and_says_so(
    own_control_plane: ControlPlane, home: str, namespace: str, serve: Serve, tmp_path: Path
) -> None:
    """The team's own runbook of the same name takes the place of the shipped one and evicts the pod instead."""
    own = tmp_path / "runbooks"
    own.mkdir()
    (own / "memory-limit-too-low.md").write_text(RUNBOOK)
    own_control_plane.create(disruption_budget("app", namespace=namespace, min_available=3))
    broken_by(own_control_plane, namespace, good=LOWERED[0], bad=LOWERED[1])
    labels = crash_looping(own_control_plane, namespace)
    uid = own_control_plane.core.read_namespaced_pod(labels["pod"], namespace, **CALL).metadata.uid
    with serve(runbooks=(own,)) as product:
        product.alert("KubePodCrashLooping", **labels)
        ended = product.until("escalated", "awaiting_decision", "inconclusive")
        told = story(ended)
        assert ended["incident"]["phase"] == "escalated", told
        assert "PodDisruptionBudget refuses" in told, told
        assert ended["proposals"] == []
    asked = writes(own_control_plane, account(home, WRITE))
    assert {(verb, resource, code, dry_run) for verb, resource, code, dry_run in asked} == {
        ("create", "pods/eviction", 429, True)
    }
    assert own_control_plane.core.read_namespaced_pod(labels["pod"], namespace, **CALL).metadata.uid == uid
