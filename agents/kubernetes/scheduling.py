"""Why the scheduler found no node, from its message. Pure.

Source of the texts: the Filter plugins of kube-scheduler, 1.20 to 1.34. The message counts nodes by reason:
`0/5 nodes are available: 1 node(s) had untolerated taint {...}, 4 Insufficient memory. preemption: ...`
"""

import re

from incidents.value import Value

_TOTAL = re.compile(r"0/(?P<total>\d+) nodes are available")
_PART = re.compile(r"(?P<count>\d+) (?P<what>(?:(?!, \d+ |\. ).)+)")
_TAINT = re.compile(r"taint\S* \{(?P<taint>[^}]*)\}")
_REASONS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        ("cpu", r"Insufficient cpu"),
        ("memory", r"Insufficient memory"),
        ("storage", r"Insufficient ephemeral-storage"),
        ("too_many_pods", r"Too many pods"),
        ("extended", r"Insufficient \S+"),
        ("cordoned", r"were unschedulable|taint \{node\.kubernetes\.io/unschedulable"),
        (
            "volume",
            (
                r"volume node affinity conflict|max volume count|available persistent volumes to bind|persistentvolume"
                r"|volume.*zone|unable to find a volume|did not have enough free storage"
            ),
        ),
        ("anti_affinity", r"anti-affinity"),
        ("affinity", r"didn't match pod affinity"),
        ("node_selector", r"didn't match Pod's node affinity/selector|didn't match node selector|node affinity"),
        ("topology_spread", r"topology spread"),
        ("ports", r"free ports"),
        ("taint", r"taint"),
    )
)
_UNBOUND = re.compile(r"unbound immediate PersistentVolumeClaims")
_NO_CLAIM = re.compile(r'persistentvolumeclaim "(?P<name>[^"]+)" (?:not found|bound to non-existent)')
_STANDING = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_GONE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class Hindrance(Value):
    """One reason and how many nodes fall for it."""

    reason: str
    nodes: int
    detail: str = ""


class Unschedulable(Value):
    """A message, read."""

    nodes: int
    """Nodes that were considered."""
    hindrances: tuple[Hindrance, ...]
    """The decisive one first: what could change is before what never will."""

    @property
    def reason(self) -> str:
        """The decisive reason; `other` when none was recognised."""
        return self.hindrances[0].reason if self.hindrances else "other"


def read_unschedulable(message: str) -> Unschedulable:
    """Read a FailedScheduling message or the message of the PodScheduled condition."""
    total = _TOTAL.search(message)
    found: list[Hindrance] = []
    if _UNBOUND.search(message) or _NO_CLAIM.search(message):
        claim = _NO_CLAIM.search(message)
        found.append(Hindrance(reason="unbound_pvc", nodes=0, detail=claim["name"] if claim else ""))
    body = message.split("preemption:", 1)[0].split("are available:", 1)[-1]
    for part in _PART.finditer(body):
        hindrance = _hindrance(int(part["count"]), part["what"])
        if hindrance is not None:
            found.append(hindrance)
    if "no nodes available" in message:
        found.append(Hindrance(reason="no_nodes", nodes=0))
    selectable = any(_passed_selector(one) for one in found)
    ranked = sorted(found, key=lambda one: _weight(one, selectable=selectable))
    return Unschedulable(nodes=int(total["total"]) if total else 0, hindrances=tuple(ranked))


def _hindrance(nodes: int, what: str) -> Hindrance | None:
    reason = next((name for name, pattern in _REASONS if pattern.search(what)), None)
    if reason is None or _UNBOUND.search(what):
        return None
    taint = _TAINT.search(what)
    return Hindrance(reason=reason, nodes=nodes, detail=taint["taint"].strip().rstrip(":").strip() if taint else "")


def _weight(hindrance: Hindrance, *, selectable: bool) -> tuple[int, int]:
    """What would let the pod in first; what nobody expects to change (control-plane taints) last; else most nodes.

    Where some nodes can be selected, those that cannot do not decide: the pod never asked for them.
    """
    if hindrance.reason in {"unbound_pvc", "no_nodes"}:
        return 0, 0
    if hindrance.reason == "taint" and hindrance.detail.startswith(_STANDING):
        return 3, -hindrance.nodes
    return (2 if hindrance.reason == "node_selector" and selectable else 1), -hindrance.nodes


def _passed_selector(hindrance: Hindrance) -> bool:
    """Whether its nodes could be selected: the filters for room, ports, volumes, spread and company come afterwards.

    A cordoned node counts too: it is out only for as long as somebody wants.
    """
    return hindrance.reason not in {"taint", "node_selector", "unbound_pvc", "no_nodes"}


def lost_nodes(read: Unschedulable) -> int:
    """Nodes that are out because they are not ready or unreachable."""
    return sum(one.nodes for one in read.hindrances if one.detail.startswith(_GONE))
