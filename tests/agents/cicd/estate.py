"""What probes would have seen of a small estate, built from Kubernetes objects as the API serves them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from agents.detector import Scene, Sightings, detectors
from incidents.casefile import CaseFile
from incidents.entity import EntityKind
from incidents.evidence import Evidence, Source
from incidents.fact import Fact
from incidents.value import Value
from tests.agents.cases import CLUSTER, NOW, ONSET, case, entity
from tools.kubernetes.document import Document
from tools.kubernetes.probes.revisions import rollout_of
from tools.kubernetes.revision import Rollout, Rollouts
from tools.kubernetes.workload import Workload, Workloads, read_workload
from tools.probe import Observation

Json = dict[str, Any]


def stamp(minutes: float) -> str:
    """Minutes after the onset as the API writes it."""
    return (ONSET + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def container(name: str = "checkout", *, image: str = "shop/checkout:1.42.0", **fields: Any) -> Json:
    """One container; `memory`, `cpu` are limits, everything else as in the API."""
    limits = {key: fields.pop(key) for key in ("memory", "cpu") if fields.get(key)}
    requests = fields.pop("requests", None)
    resources = {**({"limits": limits} if limits else {}), **({"requests": requests} if requests else {})}
    return {"name": name, "image": image, **({"resources": resources} if resources else {}), **fields}


def template(*containers: Json, labels: Json | None = None, annotations: Json | None = None, **spec: Any) -> Json:
    """A pod template."""
    meta = {"labels": {"app": "checkout", **(labels or {})}, **({"annotations": annotations} if annotations else {})}
    return {"metadata": meta, "spec": {"containers": list(containers) or [container()], **spec}}


def manager(name: str, at: float, *paths: str, subresource: str = "") -> Json:
    """A managedFields entry that owns these dotted paths."""
    fields: Json = {}
    for path in paths:
        place = fields
        for step in path.split("."):
            place = place.setdefault(f"f:{step}", {})
    return {
        "manager": name,
        "operation": "Update",
        "time": stamp(at),
        "fieldsV1": fields,
        **({"subresource": subresource} if subresource else {}),
    }


def deployment(
    name: str = "checkout",
    *,
    revision: int = 1,
    pod: Json | None = None,
    managers: Sequence[Json] = (),
    replicas: int = 6,
) -> Document:
    return Document(
        {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "uid": f"uid-{name}",
                "resourceVersion": "7",
                "creationTimestamp": stamp(-100_000),
                "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                "managedFields": list(managers),
            },
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod or template()},
            "status": {"replicas": replicas},
        }
    )


def replicaset(name: str, number: int, at: float, pod: Json, *, history: str = "", cause: str = "") -> Document:
    marks = {"deployment.kubernetes.io/revision": str(number)}
    marks |= {"deployment.kubernetes.io/revision-history": history} if history else {}
    marks |= {"kubernetes.io/change-cause": cause} if cause else {}
    return Document(
        {
            "metadata": {
                "name": f"{name}-{number}",
                "namespace": "shop",
                "creationTimestamp": stamp(at),
                "annotations": marks,
                "ownerReferences": [{"kind": "Deployment", "name": name, "uid": f"uid-{name}", "controller": True}],
            },
            "spec": {"template": pod},
        }
    )


def rollout(name: str, *steps: tuple[float, Json], first: int = 41, managers: Sequence[Json] = ()) -> Rollout:
    """The history of a deployment: templates with the minutes at which they came; the last one is wanted."""
    kept = [replicaset(name, first + place, at, pod) for place, (at, pod) in enumerate(steps)]
    owner = deployment(name, revision=first + len(steps) - 1, pod=steps[-1][1], managers=managers)
    return rollout_of(owner, kept, cluster=CLUSTER, kind=EntityKind.DEPLOYMENT)


def workload(document: Document) -> Workload:
    return read_workload(document, cluster=CLUSTER, kind=EntityKind.DEPLOYMENT)


def seen(view: Value, *names: str, source: Source = Source.KUBERNETES, query: str = "") -> Observation[Any]:
    """An observation of a view that is complete about these entities."""
    entities = tuple(entity(name) if "/" not in name or name.count("/") == 1 else name for name in names)
    evidence = Evidence.of(
        probe="test",
        source=source,
        query=query or type(view).__name__,
        observed_at=NOW,
        body=view.model_dump_json(),
        entities=entities,
    )
    return Observation(view=view, evidence=evidence, entities=entities)


def rollouts(*histories: Rollout) -> Observation[Any]:
    names = [history.workload for history in histories]
    return seen(Rollouts(rollouts=histories), *names)


def workloads(*documents: Document) -> Observation[Any]:
    views = tuple(workload(document) for document in documents)
    return seen(Workloads(workloads=views), *(view.meta.entity for view in views))


def sightings(*observations: Observation[Any]) -> Sightings:
    return Sightings(observations=observations)


def scene(*names: str, of: CaseFile | None = None) -> Scene:
    """What a detector knows: a case about checkout, asked about these entities."""
    asked = tuple(entity(name) for name in names or ("checkout",))
    return Scene(case=of or case(), now=NOW, entities=asked)


def detect(name: str, *observations: Observation[Any], of: Scene | None = None) -> list[Fact]:
    """The facts of one detector, by its file's name."""
    found = next(detector for detector in detectors("cicd") if detector.name == f"cicd.{name}")
    return list(found.detect(sightings(*observations), of or scene()))
