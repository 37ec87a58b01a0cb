"""Objects as the API server writes them, in a line each, and what probes make of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.detector import Detector, Scene, Sightings
from incidents.alert import Severity
from incidents.casefile import CaseFile
from incidents.entity import Entity, EntityKind
from incidents.evidence import Evidence, Source
from incidents.fact import Fact
from incidents.ids import EntityId, IncidentId
from incidents.incident import Incident, Phase
from incidents.topology import Topology
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.event import Event, Events, read_event
from tools.kubernetes.node import Node, Nodes, read_node
from tools.kubernetes.pod import Pod, Pods, read_pod
from tools.kubernetes.workload import Workload, Workloads, read_workload
from tools.probe import Observation

Json = dict[str, Any]
CLUSTER, NAMESPACE = "prod", "shop"
NOW = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
ONSET = NOW - timedelta(minutes=12)


def at(minutes: float) -> str:
    """A moment so many minutes after the onset (negative: before), as Kubernetes writes it."""
    return (ONSET + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def entity(text: str) -> EntityId:
    """`deployment/checkout` in the namespace; `node/n1` without one."""
    kind, _, name = text.partition("/")
    namespace = None if kind in {"node", "cluster", "namespace", "external", "webhookconfiguration"} else NAMESPACE
    return Entity(cluster=CLUSTER, namespace=namespace, kind=EntityKind(kind), name=name).id


OWNER = entity("deployment/checkout")


def terminated(code: int, reason: str = "Error", *, minutes: float = 0, message: str = "") -> Json:
    """A state that ended."""
    end = {
        "exitCode": code,
        "reason": reason,
        "finishedAt": at(minutes),
        "startedAt": at(minutes - 1),
        "message": message,
    }
    return {"terminated": end}


def waiting(reason: str, message: str = "") -> Json:
    """A state that waits."""
    return {"waiting": {"reason": reason, "message": message}}


def running(minutes: float = 0) -> Json:
    """A state that runs since then."""
    return {"running": {"startedAt": at(minutes)}}


def status(name: str = "app", *, state: Json | None = None, last: Json | None = None, restarts: int = 0, ready: bool = False) -> Json:  # fmt: skip
    """One container status."""
    return {
        "name": name, "ready": ready, "restartCount": restarts, "state": state or running(), "lastState": last or {},
        "image": f"shop/{name}:1",
    }  # fmt: skip


def condition(kind: str, value: str, reason: str = "", message: str = "", minutes: float = 0, **more: str) -> Json:
    """One condition."""
    return {
        "type": kind, "status": value, "reason": reason, "message": message, "lastTransitionTime": at(minutes), **more,
    }  # fmt: skip


def pod(
    name: str = "checkout-1-a",
    *statuses: Json,
    init: Sequence[Json] = (),
    phase: str = "Running",
    ready: bool = False,
    created: float = 0,
    node: str | None = "n1",
    conditions: Sequence[Json] = (),
    spec: Json | None = None,
    owner: EntityId | None = OWNER,
    deleted: float | None = None,
    finalizers: Sequence[str] = (),
    **more: Any,
) -> Pod:
    """A pod of checkout; `more` goes into its status."""
    containers = [{"name": s["name"], "image": s["image"]} for s in statuses] or [
        {"name": "app", "image": "shop/app:1"}
    ]
    body: Json = {
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": name, "creationTimestamp": at(created), "finalizers": list(finalizers),
            **({"deletionTimestamp": at(deleted)} if deleted is not None else {}),
        },
        "spec": {"containers": containers, **(spec or {}), **({"nodeName": node} if node else {})},
        "status": {
            "phase": phase, "startTime": at(created), "containerStatuses": list(statuses),
            "initContainerStatuses": list(init),
            "conditions": [condition("Ready", "True" if ready else "False", minutes=created + 0.2), *conditions],
            **more,
        },
    }  # fmt: skip
    return read_pod(Document(body), cluster=CLUSTER, owner=owner)


def event(
    reason: str,
    message: str,
    *,
    about: str = "pod/checkout-1-a",
    container: str = "",
    count: int = 1,
    first: float = 1,
    last: float = 10,
    owner: EntityId | None = None,
    kind: str = "",
) -> Event:
    """An event; its owner is found over the pods unless one is given."""
    own, _, name = about.partition("/")
    kinds = {"pod": "Pod", "deployment": "Deployment", "replicaset": "ReplicaSet", "node": "Node", "persistentvolumeclaim": "PersistentVolumeClaim", "horizontalpodautoscaler": "HorizontalPodAutoscaler", "cronjob": "CronJob", "statefulset": "StatefulSet"}  # fmt: skip
    body: Json = {
        "reason": reason, "message": message, "type": "Warning", "count": count,
        "firstTimestamp": at(first), "lastTimestamp": at(last), "source": {"component": "kubelet", "host": "n1"},
        "involvedObject": {
            "kind": kind or kinds[own], "name": name, "namespace": NAMESPACE,
            "fieldPath": f"spec.containers{{{container}}}" if container else "",
        },
    }  # fmt: skip
    return read_event(Document(body), cluster=CLUSTER).model_copy(update={"owner": owner})


def workload(
    name: str = "checkout",
    *,
    kind: EntityKind = EntityKind.DEPLOYMENT,
    desired: int = 2,
    ready: int = 2,
    available: int | None = None,
    updated: int = 2,
    current: int = 2,
    conditions: Sequence[Json] = (),
    template: Json | None = None,
    labels: Json | None = None,
    managers: Sequence[Json] = (),
    generation: int = 3,
    observed: int = 3,
    namespace: str = NAMESPACE,
    **spec: Any,
) -> Workload:
    """A workload of the namespace; `spec` goes into its spec."""
    counts: Json = {
        "replicas": current, "readyReplicas": ready, "availableReplicas": ready if available is None else available,
        "updatedReplicas": updated, "observedGeneration": observed,
    }  # fmt: skip
    if kind is EntityKind.DAEMONSET:
        counts = {"desiredNumberScheduled": desired, "currentNumberScheduled": current, "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": updated}  # fmt: skip
    body: Json = {
        "metadata": {
            "name": name, "namespace": namespace, "uid": name, "generation": generation, "managedFields": list(managers),
        },
        "spec": {
            "replicas": desired,
            "template": {
                "metadata": {"labels": labels or {"app": name}},
                "spec": template or {"containers": [{"name": "app", "image": "shop/app:1"}]},
            },
            **spec,
        },
        "status": {**counts, "conditions": list(conditions)},
    }  # fmt: skip
    return read_workload(Document(body), cluster=CLUSTER, kind=kind)


def manager(name: str, minutes: float, *fields: str) -> Json:
    """A field manager that wrote these dotted fields then."""
    tree: Json = {}
    for field in fields:
        place = tree
        for part in field.split("."):
            place = place.setdefault(f"f:{part}", {})
    return {"manager": name, "operation": "Update", "time": at(minutes), "fieldsV1": tree}


def node(name: str = "n1", *conditions: Json, heartbeat: float | None = None, managers: Sequence[Json] = (), created: float = -9000, **spec: Any) -> Node:  # fmt: skip
    """A node; it is ready unless a condition says otherwise."""
    known = {c["type"] for c in conditions}
    ready = [] if "Ready" in known else [condition("Ready", "True", "KubeletReady", lastHeartbeatTime=at(11.9))]
    body: Json = {
        "metadata": {"name": name, "uid": name, "creationTimestamp": at(created), "managedFields": list(managers)},
        "spec": spec,
        "status": {"conditions": [*ready, *conditions]},
    }
    beat = None if heartbeat is None else ONSET + timedelta(minutes=heartbeat)
    return read_node(Document(body), cluster=CLUSTER).model_copy(update={"heartbeat": beat})


def seen(view: Value, *, complete: Iterable[EntityId] = ()) -> Observation[Any]:
    """What a probe would have handed over."""
    evidence = Evidence.of(
        probe="kubernetes.test",
        source=Source.KUBERNETES,
        query=f"GET /{type(view).__name__}",
        observed_at=NOW,
        body=view.model_dump_json(),
    )
    return Observation(view=view, evidence=evidence, entities=tuple(complete))


def pods(*found: Pod) -> Observation[Any]:
    """An observation of pods."""
    return seen(Pods(pods=found))


def events(*found: Event) -> Observation[Any]:
    """An observation of events."""
    return seen(Events(events=found))


def workloads(*found: Workload) -> Observation[Any]:
    """An observation of workloads."""
    return seen(Workloads(workloads=found))


def nodes(*found: Node) -> Observation[Any]:
    """An observation of nodes."""
    return seen(Nodes(nodes=found))


def case(*, topology: Topology | None = None, focus: tuple[EntityId, ...] = (OWNER,)) -> CaseFile:
    """The case at 02:47; the trouble began at 02:35."""
    incident = Incident(
        id=IncidentId("inc-test"),
        title="checkout is down",
        severity=Severity.SEV1,
        phase=Phase.INVESTIGATING,
        cluster=CLUSTER,
        entities=focus,
        opened_at=NOW,
        started_at=ONSET,
        graph_version="1",
    )
    return CaseFile(
        incident=incident,
        alerts=(),
        focus=focus,
        onset=ONSET,
        topology=topology or Topology(),
        inventory=frozenset(),
    )


def detect(detector: Detector, *observations: Observation[Any], topology: Topology | None = None) -> list[Fact]:
    """Run one detector over what was seen, and hold it to its declaration."""
    scene = Scene(case=case(topology=topology), now=NOW, entities=(OWNER,))
    facts = list(detector.detect(Sightings(observations=observations), scene))
    declared = {spec.kind: spec for spec in detector.emits}
    ids = {observation.evidence.id for observation in observations}
    for fact in facts:
        assert fact.kind in declared
        assert fact.role is declared[fact.kind].role
        assert set(fact.attributes) <= set(declared[fact.kind].attributes)
        assert set(fact.evidence) <= ids
        assert fact.detector == detector.name
    return facts


Expected = tuple[str, str, Json]
"""Kind, entity as `entity` reads it, and attributes that it must have among others."""


def check(facts: Sequence[Fact], expected: Sequence[Expected]) -> None:
    """Exactly these facts, in any order, with at least these attributes."""
    left = list(facts)
    for kind, about, attributes in expected:
        match = next(
            (
                fact
                for fact in left
                if fact.kind == kind and fact.entity == entity(about) and attributes.items() <= fact.attributes.items()
            ),
            None,
        )
        assert match is not None, f"no {kind} of {about} with {attributes} among {[(f.kind, f.entity, f.attributes) for f in facts]}"  # fmt: skip
        left.remove(match)
    assert not left, f"not expected: {[(fact.kind, fact.entity, fact.attributes) for fact in left]}"
