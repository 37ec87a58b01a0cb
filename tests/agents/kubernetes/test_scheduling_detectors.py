"""Facts about pods on their way to and from a node, from the messages of several schedulers and kubelets."""

from __future__ import annotations

from typing import Any

import pytest

from agents.kubernetes.detectors import eviction, pod_lifecycle, scheduling
from agents.kubernetes.scheduling import read_unschedulable
from tests.agents.kubernetes.estate import check, condition, detect, event, events, pod, pods, status

FREE = "preemption: 0/5 nodes are available: 5 No preemption victims found for incoming pod."


@pytest.mark.parametrize(
    ("message", "reason", "nodes", "detail"),
    [
        pytest.param(f"0/5 nodes are available: 5 Insufficient cpu. {FREE}", "cpu", 5, "", id="CPU"),
        pytest.param(f"0/5 nodes are available: 1 Insufficient cpu, 4 Insufficient memory. {FREE}", "memory", 4, "", id="memory on most nodes"),
        pytest.param("0/3 nodes are available: 2 Insufficient memory, 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: not eligible", "memory", 2, "", id="control planes are not what decides"),
        pytest.param("0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 node(s) had untolerated taint {dedicated: gpu}.", "taint", 3, "dedicated: gpu", id="a taint"),
        pytest.param("0/4 nodes are available: 4 node(s) had taint {dedicated: gpu}, that the pod didn't tolerate.", "taint", 4, "dedicated: gpu", id="a taint in the words of 1.20"),
        pytest.param("0/4 nodes are available: 4 node(s) were unschedulable.", "cordoned", 4, "", id="cordoned nodes"),
        pytest.param("0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector.", "node_selector", 4, "", id="a node selector"),
        pytest.param("0/6 nodes are available: 1 node(s) were unschedulable, 5 node(s) didn't match Pod's node affinity/selector.", "cordoned", 1, "", id="the only node that it may go to is cordoned"),
        pytest.param("0/7 nodes are available: 2 node(s) had untolerated taint {dedicated: data}, 5 node(s) didn't match Pod's node affinity/selector.", "node_selector", 5, "", id="a selector that fits no node, beside dedicated nodes"),
        pytest.param("0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules.", "anti_affinity", 4, "", id="anti-affinity"),
        pytest.param("0/4 nodes are available: 4 node(s) didn't match pod affinity rules.", "affinity", 4, "", id="affinity"),
        pytest.param("0/4 nodes are available: 4 node(s) didn't match pod topology spread constraints (missing required label).", "topology_spread", 4, "", id="topology spread"),
        pytest.param("0/4 nodes are available: 4 node(s) had volume node affinity conflict.", "volume", 4, "", id="a volume in another zone"),
        pytest.param("0/4 nodes are available: 4 node(s) exceed max volume count.", "volume", 4, "", id="too many volumes"),
        pytest.param("0/4 nodes are available: 4 node(s) didn't have free ports for the requested pod ports.", "ports", 4, "", id="host ports"),
        pytest.param("0/4 nodes are available: 4 Too many pods.", "too_many_pods", 4, "", id="too many pods"),
        pytest.param("0/4 nodes are available: 4 Insufficient nvidia.com/gpu.", "extended", 4, "", id="an extended resource"),
        pytest.param("0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.", "unbound_pvc", 0, "", id="a claim that is not bound"),
        pytest.param('0/4 nodes are available: persistentvolumeclaim "data" not found. preemption: 0/4', "unbound_pvc", 0, "data", id="a claim that does not exist"),
        pytest.param("no nodes available to schedule pods", "no_nodes", 0, "", id="no nodes at all"),
        pytest.param("0/4 nodes are available: the moon is full.", "other", 0, "", id="unknown words"),
    ],
)  # fmt: skip
def test_the_scheduler_says_why(message: str, reason: str, nodes: int, detail: str) -> None:
    read = read_unschedulable(message)
    assert read.reason == reason
    first = read.hindrances[0] if read.hindrances else None
    assert (first.nodes if first else 0, first.detail if first else "") == (nodes, detail)


def waiting_pod(name: str, message: str) -> Any:
    scheduled = condition("PodScheduled", "False", "Unschedulable", message, minutes=1)
    return pod(name, phase="Pending", node=None, created=1, conditions=[scheduled])


def test_pods_that_no_node_takes_are_one_fact_of_their_workload() -> None:
    message = f"0/5 nodes are available: 2 Insufficient cpu, 3 node(s) were unschedulable. {FREE}"
    facts = detect(
        scheduling.DETECTOR,
        pods(waiting_pod("a", message), waiting_pod("b", message), pod("c", status(ready=True), ready=True)),
        events(event("FailedScheduling", message, about="pod/a")),
    )
    attributes = {"reason": "cordoned", "also": "cpu", "nodes": 3, "nodes_considered": 5, "pods": 2, "total_pods": 3}
    check(facts, [("pod.unschedulable", "deployment/checkout", attributes)])
    assert facts[0].text == "2 of 3 pods of checkout cannot be scheduled: cordoned on 3 of 5 nodes since 02:36"


@pytest.mark.parametrize(
    ("message", "reason", "own_limit"),
    [
        pytest.param("The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container app was using 1Gi, request is 128Mi", "memory", None, id="memory"),
        pytest.param("The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 500Mi.", "disk", None, id="disk"),
        pytest.param("The node had condition: [DiskPressure]. ", "disk", None, id="a condition"),
        pytest.param("The node was low on resource: pids.", "pid", None, id="process ids"),
        pytest.param("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", "disk", True, id="its own limit"),
        pytest.param('Usage of EmptyDir volume "cache" exceeds the limit "100Mi". ', "disk", True, id="its own emptyDir"),
    ],
)  # fmt: skip
def test_evicted_pods(message: str, reason: str, own_limit: bool | None) -> None:
    gone = pod("a", phase="Failed", reason="Evicted", message=message, created=2)
    attributes: dict[str, Any] = {"reason": reason, "pods": 1, "node": "n1"}
    if own_limit:
        attributes["own_limit"] = True
    check(detect(eviction.DETECTOR, pods(gone)), [("pod.evicted", "deployment/checkout", attributes)])


@pytest.mark.parametrize(
    ("reason", "kind", "attributes"),
    [
        ("PreemptionByScheduler", "pod.preempted", {"pods": 1}),
        ("DeletionByTaintManager", "pod.evicted", {"reason": "taint"}),
        ("EvictionByEvictionAPI", "pod.evicted", {"reason": "api"}),
    ],
)
def test_a_disruption_says_by_whom(reason: str, kind: str, attributes: dict[str, Any]) -> None:
    gone = pod("a", conditions=[condition("DisruptionTarget", "True", reason, minutes=3)])
    check(detect(eviction.DETECTOR, pods(gone)), [(kind, "deployment/checkout", attributes)])


def test_an_eviction_of_yesterday_is_history() -> None:
    gone = pod("a", phase="Failed", reason="Evicted", message="The node was low on resource: memory.", created=-3000)
    assert detect(eviction.DETECTOR, pods(gone)) == []


def test_a_pod_that_was_preempted_is_known_by_its_event_when_it_is_gone() -> None:
    said = event("Preempted", "Preempted by pod 1234 on node n1", about="pod/checkout-1-z", owner=None)
    still = pod("checkout-1-z", status())
    check(
        detect(eviction.DETECTOR, pods(still), events(said)),
        [("pod.preempted", "deployment/checkout", {"pods": 1, "node": "n1"})],
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(pod("a", phase="Pending", created=5), [("pod.pending", {"pods": 1, "seconds": 420})], id="pending for minutes"),
        pytest.param(pod("a", phase="Pending", created=11.5), [], id="just made"),
        pytest.param(pod("a", status(), deleted=2, finalizers=["x/wait"]), [("pod.stuck_terminating", {"seconds": 600, "finalizers": "x/wait", "node": "n1"})], id="held by a finalizer"),
        pytest.param(pod("a", status(), deleted=11.8), [], id="just ending"),
    ],
)  # fmt: skip
def test_pods_that_do_not_come_or_go(found: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(pod_lifecycle.DETECTOR, pods(found))
    check(facts, [(kind, "deployment/checkout", attributes) for kind, attributes in expected])
