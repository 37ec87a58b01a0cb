"""Ingresses and network policies: an ingress by its described rules, what was not described by its manifest."""

import re
from collections.abc import Iterator

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.identity import metadata_of
from evals.datasets.cloud_opsbench.manifests import Manifests
from evals.datasets.cloud_opsbench.outline import Line
from worlds.objects.kinds import JsonObject

_BACKEND = re.compile(r"(?:(?P<path>/\S*)\s+)?(?P<service>[a-z0-9][-a-z0-9]*):(?P<port>[-\w]+)(?:\s+\(.*\))?$")
"""`/basket   basket:80 (10.2.0.7:8080)`: a path, who serves it, and the addresses behind."""
_RULE = re.compile(r"[-\s]+")
_ANY = "*"


def read_routes(cache: Cache, manifests: Manifests) -> Iterator[JsonObject]:
    """Ingresses and network policies that exist and whose rules are known."""
    for resource, kind in (("ingresses", "Ingress"), ("networkpolicies", "NetworkPolicy")):
        for namespace, name in cache.names(resource):
            described = _described(cache.outline(resource, namespace, name)) if kind == "Ingress" else None
            spec = described or (manifests.get((kind, name)) or {}).get("spec")
            if spec is None:
                continue
            metadata = metadata_of(cache, kind=kind, resource=resource, namespace=namespace, name=name)
            yield {"apiVersion": "networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _described(outline: Line | None) -> JsonObject | None:
    """The spec of an ingress whose rules kubectl printed; None when it printed none."""
    if outline is None:
        return None
    rules: list[JsonObject] = []
    for line in outline.rows("Rules")[1:]:
        text = line.strip()
        if found := _BACKEND.match(text):
            if not rules:
                rules.append({"http": {"paths": []}})
            rules[-1]["http"]["paths"].append(_path(found))
        elif not _RULE.fullmatch(text):
            rules.append({"http": {"paths": []}} | ({"host": text} if text != _ANY else {}))
    spec: JsonObject = {"rules": [rule for rule in rules if rule["http"]["paths"]]}
    if named := outline.word("Ingress Class"):
        spec["ingressClassName"] = named
    if found := _BACKEND.match(outline.word("Default backend")):
        spec["defaultBackend"] = _path(found)["backend"]
    return spec if spec["rules"] or "defaultBackend" in spec else None


def _path(found: "re.Match[str]") -> JsonObject:
    port = {"number": int(found["port"])} if found["port"].isdigit() else {"name": found["port"]}
    service = {"name": found["service"], "port": port}
    return {"path": found["path"] or "/", "pathType": "Prefix", "backend": {"service": service}}
