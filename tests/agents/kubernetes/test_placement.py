"""Which of the scheduler's reasons decides, held against the nodes that a pod asks for."""

from __future__ import annotations

from typing import Any

import pytest

from agents.kubernetes.placement import decided
from agents.kubernetes.scheduling import read_unschedulable
from tests.agents.kubernetes.estate import CLUSTER, Json
from tools.kubernetes.document import Document
from tools.kubernetes.node import Node, read_node
from tools.kubernetes.template import PodTemplate, read_template

CLOSED = {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}
DEDICATED = {"taints": [{"key": "dedicated", "value": "data", "effect": "NoSchedule"}]}
MASTER = {"node-role.kubernetes.io/control-plane": ""}
SSD = {"disk": "ssd"}


def a_node(name: str, labels: dict[str, str] | None = None, **spec: Any) -> Node:
    body: Json = {"metadata": {"name": name, "uid": name, "labels": labels or {}}, "spec": spec, "status": {}}
    return read_node(Document(body), cluster=CLUSTER)


def template(**spec: Any) -> PodTemplate:
    return read_template(Document({"metadata": {}, "spec": {"containers": [], **spec}}))


def affine(key: str, *values: str) -> Json:
    term = {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {"nodeAffinity": required}


def unlike(key: str, *values: str) -> Json:
    term = {"matchExpressions": [{"key": key, "operator": "NotIn", "values": list(values)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


BUSY = {"state": "maintenance"}
ONE_CLOSED = (
    "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector."
)
TAINTED = "0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: data}, 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector."


@pytest.mark.parametrize(
    ("message", "spec", "nodes", "reason"),
    [
        pytest.param(ONE_CLOSED, {"nodeSelector": SSD}, [a_node("m", MASTER, **CLOSED), a_node("a"), a_node("b")], "node_selector", id="a label that no node has, beside a control plane that is always closed"),
        pytest.param(ONE_CLOSED, {"nodeSelector": SSD}, [a_node("m", SSD, **CLOSED), a_node("a"), a_node("b")], "cordoned", id="the only node with the label is cordoned"),
        pytest.param(ONE_CLOSED, {"affinity": affine("disk", "ssd")}, [a_node("m", MASTER, **CLOSED), a_node("a"), a_node("b")], "node_affinity", id="an affinity that no node satisfies"),
        pytest.param(ONE_CLOSED, {"affinity": affine("disk", "ssd")}, [a_node("m", SSD, **CLOSED), a_node("a"), a_node("b")], "cordoned", id="the only node of an affinity is cordoned"),
        pytest.param(TAINTED, {"nodeSelector": SSD}, [a_node("m", MASTER, **CLOSED), a_node("a", SSD, **DEDICATED), a_node("b")], "taint", id="the only node with the label is dedicated to others"),
        pytest.param(TAINTED, {"nodeSelector": SSD}, [a_node("m", MASTER, **CLOSED), a_node("a", **DEDICATED), a_node("b")], "node_selector", id="dedicated nodes do not matter when no node has the label"),
        pytest.param("0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.", {}, [a_node("m", MASTER, **CLOSED), a_node("a"), a_node("b")], "cpu", id="full nodes, beside a closed control plane"),
        pytest.param(ONE_CLOSED, {"affinity": unlike("state", "maintenance")}, [a_node("m", MASTER, **CLOSED), a_node("a", BUSY), a_node("b", BUSY)], "node_affinity", id="an affinity that only the control plane satisfies, by accident"),
        pytest.param(ONE_CLOSED, {"nodeSelector": {"kubernetes.io/hostname": "m"}}, [a_node("m", **CLOSED), a_node("a"), a_node("b")], "cordoned", id="a node that is asked for by its name"),
        pytest.param("0/3 nodes are available: 3 node(s) were unschedulable.", {}, [a_node("m", MASTER, **CLOSED), a_node("a", **CLOSED), a_node("b", **CLOSED)], "cordoned", id="all nodes are closed"),
        pytest.param("0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient memory.", {"nodeSelector": SSD}, [], "memory", id="nodes that cannot be seen change nothing"),
    ],
)  # fmt: skip
def test_the_nodes_that_a_pod_asks_for_decide(message: str, spec: Json, nodes: list[Node], reason: str) -> None:
    assert decided(read_unschedulable(message), spec=template(**spec), nodes=nodes).reason == reason


def test_a_tolerated_taint_keeps_nobody_off() -> None:
    spec = template(nodeSelector=SSD, tolerations=[{"key": "dedicated", "operator": "Exists"}])
    nodes = [a_node("a", SSD, **DEDICATED), a_node("b")]
    message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector."
    assert decided(read_unschedulable(message), spec=spec, nodes=nodes).reason == "cpu"
