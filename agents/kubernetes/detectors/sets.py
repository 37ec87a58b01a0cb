"""DaemonSets that miss nodes, and StatefulSets that wait for one of their pods."""

import re
from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenPod, SeenWorkload, pods_of, workloads_of
from agents.reporting import state
from agents.wording import since
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.pod import Pods
from tools.kubernetes.workload import Workloads

MISSING_NODES = FactSpec(
    kind=FactKind("daemonset.missing_nodes"),
    role=FactRole.SYMPTOM,
    meaning="A DaemonSet has no ready pod on nodes where it should have one.",
    attributes={"missing": "nodes without a ready pod", "desired": "nodes that should have one"},
)
ORDINAL_STUCK = FactSpec(
    kind=FactKind("statefulset.ordinal_stuck"),
    role=FactRole.SYMPTOM,
    meaning="A StatefulSet waits for one of its pods before it starts the next.",
    attributes={"ordinal": "number of the pod", "ready": "ready pods", "desired": "wanted pods"},
)
_ORDINAL = re.compile(r"-(\d+)$")


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per set."""
    pods = pods_of(sightings)
    for entity, one in workloads_of(sightings).items():
        replicas = one.workload.replicas
        if one.workload.kind is EntityKind.DAEMONSET and replicas.ready < replicas.desired:
            yield _missing(one)
        if one.workload.kind is EntityKind.STATEFULSET and replicas.ready < replicas.desired:
            yield from _stuck(one, [pod for pod in pods if pod.pod.workload == entity], scene)


def _missing(one: SeenWorkload) -> Fact:
    replicas = one.workload.replicas
    missing = replicas.desired - replicas.ready
    return state(
        MISSING_NODES,
        entity=one.workload.meta.entity,
        text=f"daemonset {one.workload.meta.name} has no ready pod on {missing} of {replicas.desired} nodes",
        seen=[one.seen],
        at=None,
        detector=DETECTOR.name,
        missing=missing,
        desired=replicas.desired,
    )


def _stuck(one: SeenWorkload, pods: list[SeenPod], scene: Scene) -> Iterable[Fact]:
    if one.workload.strategy.pod_management == "Parallel":
        return
    numbered = [(int(match[1]), pod) for pod in pods if (match := _ORDINAL.search(pod.pod.meta.name))]
    first = min((entry for entry in numbered if not entry[1].pod.ready), key=lambda entry: entry[0], default=None)
    if first is None:
        return
    ordinal, pod = first
    ready = pod.pod.condition("Ready")
    at = ready.changed if ready else pod.pod.meta.created
    replicas = one.workload.replicas
    yield state(
        ORDINAL_STUCK,
        entity=one.workload.meta.entity,
        text=f"statefulset {one.workload.meta.name} waits for pod {ordinal}: {replicas.ready} of {replicas.desired} "
        f"ready{since(at, now=scene.now)}",
        seen=[one.seen, pod.seen],
        at=at,
        related=[pod.pod.meta.entity],
        detector=DETECTOR.name,
        ordinal=ordinal,
        ready=replicas.ready,
        desired=replicas.desired,
    )


DETECTOR = Detector(
    name="kubernetes.sets", emits=(MISSING_NODES, ORDINAL_STUCK), needs=(Workloads, Pods), detect=detect
)
