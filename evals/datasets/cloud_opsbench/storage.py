"""Claims, volumes and storage classes. What a claim asks for is in its manifest; kubectl shows what it got."""

from collections.abc import Iterator

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.identity import metadata_of
from evals.datasets.cloud_opsbench.manifests import Manifests
from evals.datasets.cloud_opsbench.outline import Line
from worlds.objects.kinds import JsonObject

_MODES = {
    "RWO": "ReadWriteOnce",
    "ROX": "ReadOnlyMany",
    "RWX": "ReadWriteMany",
    "RWOP": "ReadWriteOncePod",
}
_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def read_storage(cache: Cache, manifests: Manifests) -> Iterator[JsonObject]:
    """Everything about persistent storage that was seen to exist."""
    for namespace, name in cache.names("persistentvolumeclaims"):
        yield _claim(cache, namespace, name, manifests.get(("PersistentVolumeClaim", name), {}))
    for namespace, name in cache.names("persistentvolumes"):
        yield _volume(cache, namespace, name, manifests.get(("PersistentVolume", name), {}))
    for namespace, name in cache.names("storageclasses"):
        yield _class(cache, namespace, name)


def _claim(cache: Cache, namespace: str, name: str, manifest: JsonObject) -> JsonObject:
    resource = "persistentvolumeclaims"
    outline, row = cache.outline(resource, namespace, name), cache.row(resource, namespace, name)
    metadata = metadata_of(cache, kind="PersistentVolumeClaim", resource=resource, namespace=namespace, name=name)
    spec: JsonObject = dict(manifest.get("spec") or {})
    if outline is not None:
        # Printed empty both for "no class" and for "the default class": only the manifest tells them apart.
        spec["storageClassName"] = outline.word("StorageClass") or str(spec.get("storageClassName") or "")
    volume = (outline.word("Volume") if outline else "") or row.get("VOLUME", "")
    if volume:
        spec["volumeName"] = volume
    status: JsonObject = {"phase": (outline.word("Status") if outline else "") or row.get("STATUS", "Pending")}
    if size := (outline.word("Capacity") if outline else "") or row.get("CAPACITY", ""):
        status["capacity"] = {"storage": size}
        spec.setdefault("resources", {"requests": {"storage": size}})
    if modes := _modes((outline.word("Access Modes") if outline else "") or row.get("ACCESS MODES", "")):
        status["accessModes"] = modes
        spec.setdefault("accessModes", modes)
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec, "status": status}


def _volume(cache: Cache, namespace: str, name: str, manifest: JsonObject) -> JsonObject:
    resource = "persistentvolumes"
    outline, row = cache.outline(resource, namespace, name), cache.row(resource, namespace, name)
    metadata = metadata_of(cache, kind="PersistentVolume", resource=resource, namespace=namespace, name=name)
    metadata.pop("namespace", None)

    def told(key: str, column: str) -> str:
        return (outline.word(key) if outline else "") or row.get(column, "")

    spec: JsonObject = dict(manifest.get("spec") or {})
    spec |= {
        "storageClassName": told("StorageClass", "STORAGECLASS"),
        "capacity": {"storage": told("Capacity", "CAPACITY")},
    }
    spec |= {"accessModes": _modes(told("Access Modes", "ACCESS MODES"))}
    spec["persistentVolumeReclaimPolicy"] = told("Reclaim Policy", "RECLAIM POLICY")
    space, known, claim = told("Claim", "CLAIM").partition("/")
    if known:
        spec["claimRef"] = {"kind": "PersistentVolumeClaim", "namespace": space, "name": claim}
    spec |= _source(outline.child("Source") if outline else None)
    status: JsonObject = {"phase": told("Status", "STATUS")}
    if text := told("Message", "REASON"):
        status["message"] = text
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec, "status": status}


def _source(section: Line | None) -> JsonObject:
    if section is None:
        return {}
    match section.word("Type").split(" ")[0]:
        case "HostPath":
            return {"hostPath": {"path": section.word("Path"), "type": section.word("HostPathType")}}
        case "NFS":
            return {"nfs": {"server": section.word("Server"), "path": section.word("Path")}}
        case "CSI":
            return {"csi": {"driver": section.word("Driver"), "volumeHandle": section.word("VolumeHandle")}}
        case "LocalVolume":
            return {"local": {"path": section.word("Path")}}
        case _:
            return {}


def _class(cache: Cache, namespace: str, name: str) -> JsonObject:
    resource = "storageclasses"
    shown = name.removesuffix(" (default)")
    outline, row = cache.outline(resource, namespace, shown), cache.row(resource, namespace, name)
    metadata = metadata_of(cache, kind="StorageClass", resource=resource, namespace=namespace, name=shown)
    metadata.pop("namespace", None)
    if shown != name or (outline is not None and outline.word("IsDefaultClass") == "Yes"):
        metadata.setdefault("annotations", {})[_DEFAULT] = "true"
    mode = (outline.word("VolumeBindingMode") if outline else "") or row.get("VOLUMEBINDINGMODE", "")
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": (outline.word("Provisioner") if outline else "") or row.get("PROVISIONER", ""),
        "volumeBindingMode": mode or "Immediate",
    }


def _modes(text: str) -> list[str]:
    return [_MODES.get(part.strip(), part.strip()) for part in text.split(",") if part.strip()]
