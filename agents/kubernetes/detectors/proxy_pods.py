"""Nodes whose service proxy does not run, where it runs as a pod of a DaemonSet."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import earliest, pods_of
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.node import Nodes
from tools.kubernetes.pod import Pods

PROXIES = frozenset({"kube-proxy", "kube-router"})
"""What writes a node's rules from service addresses to pods. Agents of pod networks do more than that."""

PROXY_DOWN = FactSpec(
    kind=FactKind("node.proxy_down"),
    role=FactRole.MECHANISM,
    meaning="The service proxy of a node does not run: its way to services stays as it was, whatever endpoints do.",
    attributes={"pod": "name of the proxy's pod", "restarts": "how often it was restarted"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per node."""
    for one in pods_of(sightings):
        workload = Entity.parse(one.pod.workload)
        if workload.kind is not EntityKind.DAEMONSET or workload.name not in PROXIES:
            continue
        node = one.pod.node
        if node is None or one.pod.ready or one.pod.ended:
            continue
        ready = one.pod.condition("Ready")
        at = earliest([ready.changed if ready else None])
        yield state(
            PROXY_DOWN,
            entity=Entity(cluster=workload.cluster, kind=EntityKind.NODE, name=node).id,
            text=f"{workload.name} of node {node} does not run{since(at, now=scene.now)}",
            seen=[one.seen],
            at=at,
            related=[one.pod.meta.entity, one.pod.workload],
            detector=DETECTOR.name,
            pod=one.pod.meta.name,
            restarts=sum(container.restarts for container in one.pod.containers),
        )


DETECTOR = Detector(name="kubernetes.proxy_pods", emits=(PROXY_DOWN,), needs=(Pods, Nodes), detect=detect)
"""Pods alone tell of a proxy that is down; that none is takes the list of nodes too."""
