"""Persistent volumes: claims, the volumes bound to them, and storage classes."""

from datetime import datetime

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.condition import Condition, message, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, read_meta
from tools.kubernetes.quantity import read_bytes
from tools.kubernetes.selector import Selector, read_selector


class Claim(Value):
    """One PersistentVolumeClaim."""

    meta: ObjectMeta
    phase: str
    """Pending, Bound or Lost."""
    storage_class: str | None = None
    """None: the default class was meant. Empty: explicitly none."""
    volume: str = ""
    requested: int = 0
    """Bytes."""
    capacity: int = 0
    access_modes: tuple[str, ...] = ()
    selector: Selector = Selector()
    """Labels that a volume has to have; empty: any."""
    conditions: tuple[Condition, ...] = ()
    used_by: tuple[EntityId, ...] = ()
    """Workloads whose pods mount it."""


class PersistentVolume(Value):
    """One PersistentVolume."""

    meta: ObjectMeta
    phase: str
    reason: str = ""
    storage_class: str = ""
    capacity: int = 0
    access_modes: tuple[str, ...] = ()
    reclaim: str = ""
    claim: EntityId | None = None
    driver: str = ""
    zones: tuple[str, ...] = ()
    """Zones that its node affinity allows."""


class StorageClass(Value):
    """One StorageClass."""

    name: str
    provisioner: str
    default: bool = False
    binding_mode: str = "Immediate"
    expansion: bool = False
    created: datetime | None = None


class Volumes(Value):
    """Claims of a scope; volumes and classes of the cluster, None when they may not be read."""

    claims: tuple[Claim, ...]
    volumes: tuple[PersistentVolume, ...] | None = None
    classes: tuple[StorageClass, ...] | None = None


def read_claim(document: Document, *, cluster: str) -> Claim:
    """Read a PersistentVolumeClaim."""
    spec, status = document.at("spec"), document.at("status")
    return Claim(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.PVC),
        phase=status.text("phase") or "Pending",
        storage_class=spec.text("storageClassName"),
        volume=spec.word("volumeName"),
        requested=read_bytes(spec.text("resources", "requests", "storage")) or 0,
        capacity=read_bytes(status.text("capacity", "storage")) or 0,
        access_modes=spec.texts("accessModes"),
        selector=read_selector(spec.at("selector")),
        conditions=read_conditions(status),
    )


def read_volume(document: Document, *, cluster: str) -> PersistentVolume:
    """Read a PersistentVolume."""
    spec, status = document.at("spec"), document.at("status")
    return PersistentVolume(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.PV),
        phase=status.word("phase"),
        reason=message(status.word("reason") or status.word("message")),
        storage_class=spec.word("storageClassName"),
        capacity=read_bytes(spec.text("capacity", "storage")) or 0,
        access_modes=spec.texts("accessModes"),
        reclaim=spec.word("persistentVolumeReclaimPolicy"),
        claim=_claim(spec.at("claimRef"), cluster),
        driver=spec.word("csi", "driver"),
        zones=_zones(spec),
    )


def read_class(document: Document) -> StorageClass:
    """Read a StorageClass."""
    marks = document.mapping("metadata", "annotations")
    return StorageClass(
        name=document.word("metadata", "name"),
        provisioner=document.word("provisioner"),
        default=marks.get("storageclass.kubernetes.io/is-default-class") == "true",
        binding_mode=document.text("volumeBindingMode") or "Immediate",
        expansion=document.flag("allowVolumeExpansion"),
        created=document.moment("metadata", "creationTimestamp"),
    )


def _claim(ref: Document, cluster: str) -> EntityId | None:
    if not ref.word("name"):
        return None
    return EntityId(f"{cluster}/{ref.word('namespace')}/{EntityKind.PVC}/{ref.word('name')}")


def _zones(spec: Document) -> tuple[str, ...]:
    terms = spec.items("nodeAffinity", "required", "nodeSelectorTerms")
    found = [
        zone
        for term in terms
        for expression in term.items("matchExpressions")
        if expression.word("key").endswith("/zone")
        for zone in expression.texts("values")
    ]
    return tuple(dict.fromkeys(found))
