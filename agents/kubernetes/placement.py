"""Which of the scheduler's reasons decides, by the nodes that a pod asks for. Pure.

The scheduler names for every node the first filter that it failed, also for nodes that the pod never asked for. A
control-plane node that is always closed says as little as nodes without the wanted label, as long as others have it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from agents.kubernetes.scheduling import Hindrance, Unschedulable
from incidents.ids import EntityId
from tools.kubernetes.node import Node, Taint
from tools.kubernetes.template import PodTemplate, Toleration

SELECTING = frozenset({"node_selector", "node_affinity"})
_CLOSED = frozenset({"cordoned", "taint"})
_KEEPING_OFF = frozenset({"NoSchedule", "NoExecute"})
_CONTROL = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_HOSTNAME = "kubernetes.io/hostname"
_CORDON = "node.kubernetes.io/unschedulable"
_ELSE = "else"


def decided(read: Unschedulable, *, spec: PodTemplate, nodes: Sequence[Node]) -> Unschedulable:
    """The same reading with the reason first that keeps the pod off the nodes that it asks for."""
    if not nodes or not read.hindrances:
        return read
    wanted = [node for node in nodes if _wants(spec, node)]
    if not wanted or (_says(read, SELECTING) and not _meant(spec, wanted)):
        return _led(read, [_unmatched(spec, nodes)]) if _says(read, SELECTING) else read
    workers = [node for node in wanted if not is_control_plane(node)] or wanted
    closed = Counter(_closed_by(node, spec) for node in workers)
    return _led(read, [reason for reason, _ in closed.most_common()], narrowed=len(wanted) < len(nodes))


def closed_to(spec: PodTemplate, nodes: Sequence[Node], *, reason: str) -> tuple[EntityId, ...]:
    """The nodes that a pod asks for and that are closed to it for this reason."""
    wanted = [node for node in nodes if _wants(spec, node)]
    workers = [node for node in wanted if not is_control_plane(node)] or wanted
    return tuple(node.meta.entity for node in workers if reason in _CLOSED and _closed_by(node, spec) == reason)


def is_control_plane(node: Node) -> bool:
    """Whether a node is one of the control plane: closed for others by convention."""
    labels = node.meta.labels
    return any(key in labels for key in _CONTROL) or labels.get("kubernetes.io/role") in {"master", "control-plane"}


def _wants(spec: PodTemplate, node: Node) -> bool:
    return _selects(spec, node) and _attracts(spec, node)


def _meant(spec: PodTemplate, wanted: Iterable[Node]) -> bool:
    """Whether it asks for one of these nodes: the control plane is only meant when its labels are named."""
    keys = {*spec.node_selector, *(one.key for term in spec.node_terms for one in term.requirements)}
    return bool(keys & set(_CONTROL)) or any(not is_control_plane(node) for node in wanted)


def _labels(node: Node) -> dict[str, str]:
    """Its labels; the kubelet gives every node its own name as one of them."""
    return {_HOSTNAME: node.meta.name, **node.meta.labels}


def _selects(spec: PodTemplate, node: Node) -> bool:
    labels = _labels(node)
    return all(labels.get(key) == value for key, value in spec.node_selector.items())


def _attracts(spec: PodTemplate, node: Node) -> bool:
    """Whether a required node affinity holds; terms that speak of no labels cannot be judged and hold."""
    return not spec.node_terms or any(term.empty or term.matches(_labels(node)) for term in spec.node_terms)


def _unmatched(spec: PodTemplate, nodes: Iterable[Node]) -> str:
    """Which of both no node satisfies: the message of the scheduler is the same."""
    workers = [node for node in nodes if not is_control_plane(node)] or list(nodes)
    if spec.node_selector and not any(_selects(spec, node) for node in workers):
        return "node_selector"
    return "node_affinity" if spec.node_affinity else "node_selector"


def _closed_by(node: Node, spec: PodTemplate) -> str:
    if node.unschedulable and not _tolerated(Taint(key=_CORDON, effect="NoSchedule"), spec.tolerations):
        return "cordoned"
    willed = (taint for taint in node.taints if taint.effect in _KEEPING_OFF and taint.key != _CORDON)
    return "taint" if any(not _tolerated(taint, spec.tolerations) for taint in willed) else _ELSE


def _tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """As the scheduler compares them (k8s.io/api, Toleration.ToleratesTaint)."""
    for one in tolerations:
        if one.effect not in {"", taint.effect} or one.key not in {"", taint.key}:
            continue
        if one.operator == "Exists" or one.value == taint.value:
            return True
    return False


def _says(read: Unschedulable, reasons: Iterable[str]) -> bool:
    return bool({one.reason for one in read.hindrances} & set(reasons))


def _led(read: Unschedulable, order: Sequence[str], *, narrowed: bool = True) -> Unschedulable:
    """Hindrances in this order; what is about nodes that the pod does not ask for goes last when there are such."""
    named = [_named(one, order) for one in read.hindrances]
    ranked = sorted(named, key=lambda one: _rank(one, order, narrowed=narrowed))
    return read.model_copy(update={"hindrances": tuple(ranked)})


def _named(one: Hindrance, order: Sequence[str]) -> Hindrance:
    return (
        one.model_copy(update={"reason": "node_affinity"})
        if one.reason in SELECTING and order[:1] == ["node_affinity"]
        else one
    )


def _rank(one: Hindrance, order: Sequence[str], *, narrowed: bool) -> tuple[int, int]:
    if one.reason in {"unbound_pvc", "no_nodes"}:
        return -1, 0
    kind = one.reason if one.reason in _CLOSED | SELECTING else _ELSE
    if kind in order:
        return order.index(kind), 0
    return len(order) + (1 if kind in SELECTING and narrowed else 0), 0
