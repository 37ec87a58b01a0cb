"""Facts about nodes and the control plane."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.kubernetes.detectors import control_plane, node_conditions, node_placement, node_problems, proxy_pods
from tests.agents.kubernetes.estate import (
    CLUSTER,
    NOW,
    check,
    condition,
    detect,
    entity,
    event,
    events,
    manager,
    node,
    nodes,
    pod,
    pods,
    seen,
)
from tools.kubernetes.control_plane import Component, ControlPlane

UNKNOWN = condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", minutes=3)


def not_ready(message: str) -> dict[str, Any]:
    return condition("Ready", "False", "KubeletNotReady", message, minutes=3)


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        pytest.param(node(), [], id="a node that is well"),
        pytest.param(node("n1", UNKNOWN), ["node.not_ready", "node.kubelet_stopped"], id="nobody knows"),
        pytest.param(node("n1", heartbeat=5), ["node.kubelet_stopped"], id="its lease is no longer renewed"),
        pytest.param(node("n1", heartbeat=11.9), [], id="its lease is renewed"),
        pytest.param(node("n1", not_ready("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized"), heartbeat=11.9), ["node.not_ready", "node.network_unavailable"], id="no pod network"),
        pytest.param(node("n1", not_ready("PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s"), heartbeat=11.9), ["node.not_ready", "node.runtime_down"], id="a runtime that hangs"),
        pytest.param(node("n1", not_ready("container runtime is down"), heartbeat=11.9), ["node.not_ready", "node.runtime_down"], id="a runtime that is down"),
        pytest.param(node("n1", condition("MemoryPressure", "True", "KubeletHasInsufficientMemory")), ["node.memory_pressure"], id="memory"),
        pytest.param(node("n1", condition("DiskPressure", "True", "KubeletHasDiskPressure")), ["node.disk_pressure"], id="disk"),
        pytest.param(node("n1", condition("PIDPressure", "True", "KubeletHasInsufficientPID")), ["node.pid_pressure"], id="process ids"),
        pytest.param(node("n1", condition("NetworkUnavailable", "True", "NoRouteCreated")), ["node.network_unavailable"], id="no route"),
        pytest.param(node("n1", condition("MemoryPressure", "False", "KubeletHasSufficientMemory")), [], id="no pressure"),
    ],
)  # fmt: skip
def test_conditions_of_nodes(found: Any, kinds: list[str]) -> None:
    check(detect(node_conditions.DETECTOR, nodes(found)), [(kind, "node/n1", {}) for kind in kinds])


def test_a_silent_node_says_for_how_long() -> None:
    facts = detect(node_conditions.DETECTOR, nodes(node("n1", UNKNOWN, heartbeat=2)))
    silent = next(fact for fact in facts if fact.kind == "node.kubelet_stopped")
    assert silent.attributes["silent_seconds"] == 600
    assert silent.text == "node n1 has not been heard of for 10 min since 02:37"


TAINT = {"key": "maintenance", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(node(unschedulable=True, managers=[manager("kubectl-cordon", 1, "spec.unschedulable")]), [("node.cordoned", {"by": "kubectl-cordon"})], id="cordoned"),
        pytest.param(node(taints=[TAINT], managers=[manager("kubectl-taint", 1, "spec.taints")]), [("node.taint_added", {"taint": "maintenance=yes:NoSchedule", "by": "kubectl-taint"})], id="a taint of tonight"),
        pytest.param(node(taints=[TAINT], managers=[manager("kubectl-taint", -3000, "spec.taints")]), [], id="a taint of days ago"),
        pytest.param(node(taints=[TAINT], created=0, managers=[manager("cloud", 1, "spec.taints")]), [], id="a taint that the node came with"),
        pytest.param(node(taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-11-17T02:40:00Z"}]), [], id="a taint that follows from a condition"),
    ],
)  # fmt: skip
def test_nodes_that_take_no_pods_by_will(found: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(node_placement.DETECTOR, nodes(found))
    check(facts, [(kind, "node/n1", attributes) for kind, attributes in expected])


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        ("KernelDeadlock", "DockerHung", "node.problem"),
        ("ConntrackFull", "ConntrackTableFull", "node.conntrack_full"),
        ("NTPProblem", "ChronyDown", "node.clock_skew"),
        ("SomethingOfTheirOwn", "Weird", "node.problem"),
    ],
)
def test_conditions_of_problem_detectors(kind: str, reason: str, expected: str) -> None:
    facts = detect(node_problems.DETECTOR, nodes(node("n1", condition(kind, "True", reason))))
    check(facts, [(expected, "node/n1", {"reason": kind})])


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("SystemOOM", ["node.system_oom"]), ("Rebooted", ["node.rebooted"]), ("NodeHasSufficientMemory", [])],
)
def test_events_of_nodes(reason: str, expected: list[str]) -> None:
    facts = detect(node_problems.DETECTOR, nodes(), events(event(reason, "as it happened", about="node/n1")))
    check(facts, [(kind, "node/n1", {}) for kind in expected])


def test_a_component_of_the_control_plane_that_is_down() -> None:
    view = ControlPlane(
        version="v1.33.4",
        components=(
            Component(name="etcd", healthy=True),
            Component(name="kube-scheduler", healthy=False, since=NOW - timedelta(minutes=4)),
        ),
    )
    facts = detect(control_plane.DETECTOR, seen(view, complete=[entity(f"cluster/{CLUSTER}")]))
    check(facts, [("controlplane.unhealthy", f"cluster/{CLUSTER}", {"component": "kube-scheduler"})])
    assert facts[0].text == "control plane: kube-scheduler is not healthy since 02:43"


@pytest.mark.parametrize(
    ("owner", "ready", "found"),
    [
        pytest.param("daemonset/kube-proxy", False, ["node/n1"], id="its pod is not ready"),
        pytest.param("daemonset/kube-proxy", True, [], id="it runs"),
        pytest.param("daemonset/node-exporter", False, [], id="another daemon is down"),
        pytest.param("deployment/kube-proxy", False, [], id="something else of that name"),
    ],
)
def test_a_node_without_its_service_proxy(owner: str, ready: bool, found: list[str]) -> None:
    one = pod("proxy-1", ready=ready, owner=entity(owner), node="n1")
    facts = detect(proxy_pods.DETECTOR, pods(one))
    assert [(fact.kind, fact.entity) for fact in facts] == [("node.proxy_down", entity(place)) for place in found]
