"""Whether the pods find a place: nodes that they may run on, less what others requested there. Pure.

As kube-scheduler counts: requests, not use. Rules between pods (anti-affinity, spread) and volumes can only make the
room smaller; where a template has some, the room found here is the most that there can be.
"""

import math

from incidents.entity import EntityKind
from incidents.prediction import Foreseen, Obstacle
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.trial import Need, Trial
from tools.kubernetes.node import Node, Room, Taint
from tools.kubernetes.template import PodTemplate, Toleration

PLACED = frozenset({EntityKind.DEPLOYMENT, EntityKind.STATEFULSET})
_SOFT = "PreferNoSchedule"
_HOSTNAME = "kubernetes.io/hostname"


def look(trial: Trial) -> Looked:
    """Count places for all pods that are wanted, the present ones' own places included."""
    if trial.workload is None or trial.kind not in PLACED:
        return Looked()
    adds, needs = trial.wanted - trial.replicas, trial.needs_then
    heavier = needs.cpu_request > trial.needs_now.cpu_request or needs.memory_request > trial.needs_now.memory_request
    if adds <= 0 and not (trial.replaces_pods and heavier):
        return Looked()
    if trial.around.nodes is None:
        return Looked(not_foreseen=("whether its pods find a place: the nodes were not seen",))
    template = trial.goal or trial.workload.template
    fitting = [node for node in trial.around.nodes if _may_run(node, template)]
    if any(node.requested is None for node in fitting):
        return Looked(not_foreseen=("whether its pods find a place: what others request of the nodes was not seen",))
    places = sum(_places(node, trial, needs) for node in fitting)
    return _told(trial, places, nodes=len(fitting), template=template)


def _told(trial: Trial, places: int, *, nodes: int, template: PodTemplate) -> Looked:
    wanted, evidence = trial.wanted, tuple(trial.around.evidence[name] for name in ("nodes",))
    rules = [
        rule
        for rule, there in (
            ("required anti-affinity", template.pod_anti_affinity),
            ("required affinity", template.pod_affinity),
            ("topology spread", bool(template.topology_spread)),
        )
        if there
    ]
    unsure = (f"whether its {' and '.join(rules)} leave less room than that",) if rules else ()
    placed = Foreseen(
        measure="pods that find a place",
        unit="pods",
        before=float(trial.replicas),
        after=float(min(wanted, places)),
        low=0.0 if rules else float(min(wanted, places)),
        high=float(min(wanted, places)),
    )
    if places >= wanted:
        text = f"room for {places} such pods on the {nodes} nodes that they may use"
        return Looked(figures=(placed,), built_from=(text,), not_foreseen=unsure, evidence=evidence)
    text = (
        f"{wanted - places} of {wanted} pods would find no place and stay Pending: "
        f"the {nodes} nodes that they may use have room for {places}"
    )
    found = Obstacle(what="room", text=text, most=places)
    return Looked(obstacles=(found,), figures=(placed,), not_foreseen=unsure, evidence=evidence)


def _may_run(node: Node, template: PodTemplate) -> bool:
    labels = {_HOSTNAME: node.meta.name, **node.meta.labels}
    terms = template.node_terms
    return (
        node.ready
        and not node.unschedulable
        and all(taint.effect == _SOFT or _tolerated(taint, template.tolerations) for taint in node.taints)
        and all(labels.get(key) == value for key, value in template.node_selector.items())
        and (not terms or any(term.matches(labels) for term in terms))
    )


def _tolerated(taint: Taint, tolerations: tuple[Toleration, ...]) -> bool:
    return any(
        (not one.effect or one.effect == taint.effect)
        and (
            (one.operator == "Exists" and one.key in ("", taint.key))
            or (one.operator == "Equal" and one.key == taint.key and one.value == taint.value)
        )
        for one in tolerations
    )


def _places(node: Node, trial: Trial, needs: Need) -> int:
    """Pods that fit on a node if those of the workload itself were taken away first."""
    own, taken = (
        sum(pod.node == node.meta.name and not pod.ended for pod in trial.around.pods),
        node.requested or Room(),
    )
    now = trial.needs_now
    cpu = node.allocatable.cpu - taken.cpu + own * now.cpu_request
    memory = node.allocatable.memory - taken.memory + own * now.memory_request
    slots = [node.allocatable.pods - taken.pods + own] if node.allocatable.pods else []
    slots += [
        math.floor(round(free / need, 6))
        for free, need in ((cpu, needs.cpu_request), (memory, needs.memory_request))
        if need > 0
    ]
    return max(0, min(slots, default=trial.wanted))
