"""The manifests of the applications, and how a template that kubectl described is completed by them.

A description shows what is live but not every field (affinity, spread, security contexts are missing); a manifest has
every field but is only what somebody applied. Where both speak of a field the description is right.
"""

from collections.abc import Iterable, Mapping

import yaml

from evals.datasets.cloud_opsbench.containers import read_containers
from evals.datasets.cloud_opsbench.outline import NOTHING, Line, pairs
from evals.datasets.cloud_opsbench.podparts import read_tolerations, read_volumes
from worlds.objects.kinds import JsonObject

Manifests = Mapping[tuple[str, str], JsonObject]
"""Objects by kind and name."""

# What a description always shows of a container: when it does not, the live container has none.
_SHOWN = ("image", "ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "env", "command", "args")


def read_manifests(texts: Iterable[str]) -> dict[tuple[str, str], JsonObject]:
    """Objects of YAML documents. What is no YAML, or no object, is left out."""
    found: dict[tuple[str, str], JsonObject] = {}
    for text in texts:
        try:
            documents = list(yaml.load_all(text, Loader=_Loader))
        except yaml.YAMLError:
            continue
        for document in documents:
            if isinstance(document, dict) and isinstance(document.get("metadata"), dict) and "kind" in document:
                found[str(document["kind"]), str(document["metadata"].get("name", ""))] = document
    return found


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def complete_spec(described: JsonObject, template: JsonObject) -> JsonObject:
    """A pod's spec as described, with what only the manifest's template tells."""
    known = {one.get("name"): one for one in template.get("containers") or ()}
    containers = []
    for one in described["containers"]:
        rest = {key: value for key, value in known.get(one["name"], {}).items() if key not in _SHOWN}
        containers.append({**rest, **one})
    hidden = {key: value for key, value in template.items() if key not in {"containers", "initContainers", "volumes"}}
    return {**hidden, **described, "containers": containers}


def read_template(section: Line | None, manifest: JsonObject) -> JsonObject:
    """The pod template of a described workload."""
    planned = (manifest.get("spec") or {}).get("template") or {}
    spec_planned = planned.get("spec") or {}
    if section is None:
        return {"metadata": dict(planned.get("metadata") or {}), "spec": spec_planned}
    metadata: JsonObject = {"labels": pairs(section.child("Labels"))}
    if marks := pairs(section.child("Annotations"), sign=": "):
        metadata["annotations"] = marks
    described: JsonObject = {
        "containers": read_containers(section.child("Containers")),
        "volumes": read_volumes(section.child("Volumes")),
        "nodeSelector": pairs(section.child("Node-Selectors")),
        "tolerations": read_tolerations(section.child("Tolerations")),
    }
    if first := read_containers(section.child("Init Containers")):
        described["initContainers"] = first
    account = section.word("Service Account")
    described["serviceAccountName"] = account if account not in NOTHING else ""
    if not described["serviceAccountName"]:
        described.pop("serviceAccountName")
        spec_planned = {key: value for key, value in spec_planned.items() if key != "serviceAccountName"}
    return {"metadata": metadata, "spec": complete_spec(described, spec_planned)}
