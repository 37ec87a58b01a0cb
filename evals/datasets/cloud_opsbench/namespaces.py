"""Namespaces, quotas, service accounts, secrets and configuration: what exists in a namespace besides workloads."""

import re
from collections.abc import Iterator

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.identity import metadata_of
from evals.datasets.cloud_opsbench.outline import Line
from evals.datasets.cloud_opsbench.tables import read_table
from worlds.objects.kinds import JsonObject

_USE = re.compile(r"(?P<resource>[\w./-]+): (?P<used>[^/,\s]+)/(?P<hard>[^,\s]+)")


def read_namespaces(cache: Cache) -> Iterator[JsonObject]:
    """Namespaces and what lives in them without running."""
    for namespace, name in cache.names("namespaces"):
        metadata = metadata_of(cache, kind="Namespace", resource="namespaces", namespace=namespace, name=name)
        metadata.pop("namespace", None)
        phase = cache.row("namespaces", namespace, name).get("STATUS", "Active")
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "status": {"phase": phase}}
    for namespace, name in cache.names("resourcequotas"):
        yield _quota(cache, namespace, name)
    for namespace, name in cache.names("serviceaccounts"):
        yield _account(cache, namespace, name)
    for namespace, name in cache.names("secrets"):
        yield _secret(cache, namespace, name)
    for namespace, name in cache.names("configmaps"):
        yield _configuration(cache, namespace, name)


def _quota(cache: Cache, namespace: str, name: str) -> JsonObject:
    resource = "resourcequotas"
    described = next((a for a in cache.by("DescribeResource") if a.resource == resource and a.name == name), None)
    used, hard = _described_use(described.text) if described else _listed_use(cache, namespace, name)
    metadata = metadata_of(cache, kind="ResourceQuota", resource=resource, namespace=namespace, name=name)
    status = {"hard": hard, "used": used}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata,
        "spec": {"hard": hard},
        "status": status,
    }


def _described_use(text: str) -> tuple[dict[str, str], dict[str, str]]:
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if line.startswith("Resource ")), len(lines))
    rows = read_table("\n".join(lines[start:]))
    return {row["Resource"]: row["Used"] for row in rows}, {row["Resource"]: row["Hard"] for row in rows}


def _listed_use(cache: Cache, namespace: str, name: str) -> tuple[dict[str, str], dict[str, str]]:
    row = cache.row("resourcequotas", namespace, name)
    found = list(_USE.finditer(f"{row.get('REQUEST', '')}, {row.get('LIMIT', '')}"))
    return {m["resource"]: m["used"] for m in found}, {m["resource"]: m["hard"] for m in found}


def _account(cache: Cache, namespace: str, name: str) -> JsonObject:
    outline = cache.outline("serviceaccounts", namespace, name)
    metadata = metadata_of(cache, kind="ServiceAccount", resource="serviceaccounts", namespace=namespace, name=name)
    account: JsonObject = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    pulls = outline.child("Image pull secrets") if outline else None
    # A secret that an account names and nobody has is marked behind its name.
    names = [text.partition(" ")[0] for text in pulls.values] if pulls else []
    return account | ({"imagePullSecrets": [{"name": one} for one in names]} if names else {})


def _secret(cache: Cache, namespace: str, name: str) -> JsonObject:
    outline, row = cache.outline("secrets", namespace, name), cache.row("secrets", namespace, name)
    kind = (outline.word("Type") if outline else "") or row.get("TYPE", "Opaque")
    metadata = metadata_of(cache, kind="Secret", resource="secrets", namespace=namespace, name=name)
    # Values are not shown by kubectl; the keys are.
    data = {line.key: "" for line in _data(outline)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}


def _configuration(cache: Cache, namespace: str, name: str) -> JsonObject:
    outline = cache.outline("configmaps", namespace, name)
    metadata = metadata_of(cache, kind="ConfigMap", resource="configmaps", namespace=namespace, name=name)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": _entries(outline)}


def _data(outline: Line | None) -> Iterator[Line]:
    """Lines between the headings `Data` and `BinaryData` or `Events`."""
    inside = False
    for line in outline.below if outline is not None else ():
        if not line.key and line.text in {"Data", "BinaryData"}:
            inside = line.text == "Data"
        elif line.key == "Events":
            return
        elif inside and line.key:
            yield line


def _entries(outline: Line | None) -> dict[str, str]:
    found: dict[str, str] = {}
    key = ""
    inside = False
    for line in outline.below if outline is not None else ():
        if not line.key and line.text in {"Data", "BinaryData"}:
            inside = line.text == "Data"
        elif line.key == "Events":
            break
        elif inside and line.key and not line.value:
            key = line.key
            found[key] = ""
        elif inside and key and not _RULE.fullmatch(line.text):
            found[key] += f"{line.text}\n"
    return found


_RULE = re.compile(r"[-=]+")
