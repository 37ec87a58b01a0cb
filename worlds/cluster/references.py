"""Config maps and secrets that a container's environment refers to: which are missing, what values it gets."""

import base64
from dataclasses import dataclass

from worlds.cluster.podstatus import container_spec
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import ObjectStore

CONFIGMAP = kind_named("ConfigMap")
SECRET = kind_named("Secret")


@dataclass(frozen=True, kw_only=True)
class ConfigTrouble:
    """A reference that leads nowhere, in the kubelet's words."""

    message: str


def missing_reference(store: ObjectStore, pod: JsonObject, container_name: str) -> ConfigTrouble | None:
    """Return the first reference of a container that cannot be resolved."""
    namespace = pod["metadata"]["namespace"]
    container = container_spec(pod, container_name)
    for source in container.get("envFrom", []):
        for field, kind, word in (("configMapRef", CONFIGMAP, "configmap"), ("secretRef", SECRET, "secret")):
            name = source.get(field, {}).get("name")
            if name and not source[field].get("optional") and store.find(kind, namespace=namespace, name=name) is None:
                return ConfigTrouble(message=f'{word} "{name}" not found')
    for entry in container.get("env", []):
        source = entry.get("valueFrom", {})
        for field, kind, word in (("configMapKeyRef", CONFIGMAP, "configmap"), ("secretKeyRef", SECRET, "secret")):
            reference = source.get(field)
            if not reference or reference.get("optional"):
                continue
            found = store.find(kind, namespace=namespace, name=reference["name"])
            if found is None:
                return ConfigTrouble(message=f'{word} "{reference["name"]}" not found')
            if reference["key"] not in found.get("data", {}):
                label = "ConfigMap" if kind is CONFIGMAP else "Secret"
                where = f"{label} {namespace}/{reference['name']}"
                return ConfigTrouble(message=f"couldn't find key {reference['key']} in {where}")
    return None


def values_of(store: ObjectStore, pod: JsonObject) -> dict[str, str]:
    """Return the environment of a pod's first container with references resolved."""
    values: dict[str, str] = {}
    for entry in pod["spec"]["containers"][0].get("env", []):
        source = entry.get("valueFrom", {})
        if "value" in entry:
            values[entry["name"]] = entry["value"]
        for field, kind in (("configMapKeyRef", CONFIGMAP), ("secretKeyRef", SECRET)):
            if reference := source.get(field):
                found = store.find(kind, namespace=pod["metadata"]["namespace"], name=reference["name"])
                raw = (found or {}).get("data", {}).get(reference["key"])
                if raw is not None:
                    values[entry["name"]] = base64.b64decode(raw).decode() if kind is SECRET else raw
    return values


def missing_pull_secrets(store: ObjectStore, pod: JsonObject) -> list[str]:
    """Return the image pull secrets that a pod names and that are not there."""
    names = [entry["name"] for entry in pod["spec"].get("imagePullSecrets", [])]
    namespace = pod["metadata"]["namespace"]
    return [name for name in names if store.find(SECRET, namespace=namespace, name=name) is None]
