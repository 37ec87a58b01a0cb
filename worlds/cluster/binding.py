"""Binding claims to volumes: provisioning by a storage class, or matching volumes that somebody made beforehand.

Events as kube-controller-manager's persistentvolume-controller and an external CSI provisioner word them.
"""

from worlds.cluster.core import Cluster, key_of
from worlds.cluster.events import Recorder
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.quantity import parse_quantity
from worlds.objects.selectors import selects
from worlds.objects.store import Change

CLAIM = kind_named("PersistentVolumeClaim")
VOLUME = kind_named("PersistentVolume")
CLASS = kind_named("StorageClass")
_MANAGER = "kube-controller-manager"
_RETRY = 60.0
_STATIC = "kubernetes.io/no-provisioner"
_SHARED = "ReadWriteMany"
_NOTHING_FREE = "no persistent volumes available for this claim and no storage class is set"
_SHARED_REFUSED = (
    "rpc error: code = InvalidArgument desc = "
    "VolumeCapabilities is invalid: specified multi writer with mount access type"
)


class VolumeBinder:
    """Binds claims. `refusals` maps a storage class to what its provisioner answers instead of a volume."""

    watches = (CLASS, VOLUME, CLAIM)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._events = Recorder(cluster, component="persistentvolume-controller")
        self.refusals: dict[str, str] = {}

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """Claims; all of them when a storage class or a volume appears."""
        if change.kind is CLASS or (change.kind is VOLUME and change.type == "ADDED"):
            return [key_of(claim) for claim in self._cluster.store.every(CLAIM)]
        return [key_of(change.object)] if change.kind is CLAIM and change.type != "DELETED" else []

    def reconcile(self, namespace: str, name: str) -> None:
        """Bind a pending claim, or say why that cannot be done."""
        claim = self._cluster.store.find(CLAIM, namespace=namespace, name=name)
        if claim is None or claim.get("status", {}).get("phase") == "Bound":
            return
        volume, reason, trouble = self._find(claim)
        if volume is not None:
            self._bind(claim, volume)
            return
        if reason == "FailedBinding" and trouble == _NOTHING_FREE:
            self._events.note(claim, reason, trouble)
        else:
            self._events.warn(claim, reason, trouble)
        self._cluster.look_again(self, namespace, name, after=_RETRY)

    def _find(self, claim: JsonObject) -> tuple[JsonObject | None, str, str]:
        """Return a volume for a claim, or reason and message of the event that says why there is none."""
        name, wanted = claim["spec"].get("volumeName"), claim["spec"].get("storageClassName", "")
        if name:
            return self._named(claim, name)
        volume = next((one for one in self._cluster.store.every(VOLUME) if _fits(one, claim)), None)
        if volume is None and not wanted:
            return None, "FailedBinding", _NOTHING_FREE
        trouble = self._unprovided(claim, wanted) if volume is None else ""
        if trouble:
            return None, "ProvisioningFailed", trouble
        return volume or self._provision(claim, wanted), "", ""

    def _unprovided(self, claim: JsonObject, wanted: str) -> str:
        """Say why a storage class makes no volume for a claim; empty when it does."""
        provided = self._cluster.store.find(CLASS, name=wanted)
        if provided is None:
            return f'storageclass.storage.k8s.io "{wanted}" not found'
        if provided["provisioner"] == _STATIC:
            return f"no volume plugin matched name: {_STATIC}"
        refusal = self.refusals.get(wanted) or (_SHARED_REFUSED if _SHARED in claim["spec"]["accessModes"] else "")
        return f'failed to provision volume with StorageClass "{wanted}": {refusal}' if refusal else ""

    def _named(self, claim: JsonObject, name: str) -> tuple[JsonObject | None, str, str]:
        volume = self._cluster.store.find(VOLUME, name=name)
        if volume is None:
            return None, "FailedBinding", f'volume "{name}" not found'
        holder = volume["spec"].get("claimRef")
        if holder and (holder["namespace"], holder["name"]) != key_of(claim):
            return None, "FailedBinding", f'volume "{name}" already bound to a different claim.'
        return volume, "", ""

    def _provision(self, claim: JsonObject, wanted: str) -> JsonObject:
        spec = {
            "capacity": dict(claim["spec"]["resources"]["requests"]),
            "accessModes": list(claim["spec"]["accessModes"]),
            "storageClassName": wanted,
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": _reference(claim),
        }
        body = {"metadata": {"name": f"pvc-{claim['metadata']['uid']}"}, "spec": spec, "status": {"phase": "Bound"}}
        return self._cluster.store.create(VOLUME, body, manager=_MANAGER)

    def _bind(self, claim: JsonObject, volume: JsonObject) -> None:
        store, spec = self._cluster.store, volume["spec"]
        if not spec.get("claimRef") or volume.get("status", {}).get("phase") != "Bound":
            held = {**volume, "metadata": dict(volume["metadata"]), "status": {"phase": "Bound"}}
            store.replace(VOLUME, {**held, "spec": {**spec, "claimRef": _reference(claim)}}, manager=_MANAGER)
        status = {"phase": "Bound", "capacity": dict(spec["capacity"]), "accessModes": list(spec["accessModes"])}
        wanted = {**claim["spec"], "volumeName": volume["metadata"]["name"]}
        bound = {**claim, "metadata": dict(claim["metadata"]), "spec": wanted, "status": status}
        store.replace(CLAIM, bound, manager=_MANAGER)


def _fits(volume: JsonObject, claim: JsonObject) -> bool:
    """Say whether a volume that nobody holds has the class, size, modes and labels that a claim asks for."""
    spec, wanted = volume["spec"], claim["spec"]
    size = parse_quantity(wanted["resources"]["requests"]["storage"])
    return (
        not spec.get("claimRef")
        and spec.get("storageClassName", "") == wanted.get("storageClassName", "")
        and parse_quantity(spec["capacity"]["storage"]) >= size
        and set(wanted["accessModes"]) <= set(spec["accessModes"])
        and ("selector" not in wanted or selects(wanted["selector"], volume["metadata"].get("labels", {})))
    )


def _reference(claim: JsonObject) -> JsonObject:
    meta = claim["metadata"]
    names = {"namespace": meta["namespace"], "name": meta["name"]}
    return {"kind": "PersistentVolumeClaim", "apiVersion": "v1", **names, "uid": meta["uid"]}
