"""Volume claims that are not bound, or lost what they were bound to."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenEvent, earliest, events_of
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.quantity import format_bytes
from tools.kubernetes.volume import Claim, PersistentVolume, StorageClass, Volumes
from tools.probe import Observation

SLOW = timedelta(seconds=60)
"""Provisioning takes seconds; a claim that waits longer waits for something."""
STATIC = "kubernetes.io/no-provisioner"

PENDING = FactSpec(
    kind=FactKind("pvc.pending"),
    role=FactRole.MECHANISM,
    meaning="A volume claim is not bound: pods that mount it cannot start.",
    attributes={
        "reason": "no_class, no_provisioner, class_mismatch, capacity, access_mode, selector, taken, no_match, "
        "wait_first_consumer or provision_failed",
        "storage_class": "name of the storage class; empty when the default is meant",
        "requested_bytes": "what it asks for",
    },
)
LOST = FactSpec(
    kind=FactKind("pvc.lost"),
    role=FactRole.MECHANISM,
    meaning="The volume behind a claim no longer exists: its data may be gone.",
    attributes={"volume": "name of the PersistentVolume"},
)
_TELLING = ("capacity", "access_mode", "selector", "class_mismatch", "taken")
"""A free volume that lacks one thing says more than one that somebody has."""
_CAPACITY = re.compile(r"insufficient|capacity|no space|exceed|quota|limit", re.IGNORECASE)
_WORDS = {
    "no_class": "its storage class does not exist",
    "no_provisioner": "nobody provisions its storage class",
    "class_mismatch": "the volume that would do has another storage class",
    "selector": "the volume that would do has not the labels that it asks for",
    "taken": "the volume that would do is bound to another claim",
    "no_match": "no volume matches it",
    "capacity": "there is not enough capacity",
    "access_mode": "no volume offers its access mode",
    "wait_first_consumer": "it waits for a pod that can be scheduled",
    "provision_failed": "provisioning fails",
}


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per claim."""
    events = events_of(sightings)
    for seen in sightings.of(Volumes):
        for claim in seen.view.claims:
            own = [one for one in events if one.event.entity == claim.meta.entity]
            if claim.phase == "Lost":
                yield _lost(claim, seen)
            elif claim.phase == "Pending" and _slow(claim, scene):
                yield _pending(claim, own, seen, scene)


def _slow(claim: Claim, scene: Scene) -> bool:
    """Waiting too long; a claim that nobody mounts may wait for its first consumer for ever."""
    created = claim.meta.created
    return created is None or scene.now - created > SLOW


def _pending(claim: Claim, events: Sequence[SeenEvent], seen: Observation[Volumes], scene: Scene) -> Fact:
    reason = _reason(claim, events, seen.view)
    idle = reason == "wait_first_consumer" and not claim.used_by
    at = earliest([claim.meta.created, *(one.event.first for one in events)])
    return state(
        PENDING,
        entity=claim.meta.entity,
        text=f"claim {claim.meta.name} ({format_bytes(claim.requested)}) is not bound: {_WORDS[reason]}"
        f"{since(at, now=scene.now)}",
        seen=[seen, *(one.seen for one in events)],
        at=at,
        related=claim.used_by,
        strength=0.3 if idle else 1.0,
        detector=DETECTOR.name,
        reason=reason,
        storage_class=claim.storage_class or "",
        requested_bytes=claim.requested,
    )


def _reason(claim: Claim, events: Sequence[SeenEvent], view: Volumes) -> str:
    failed = [one.event.message for one in events if one.event.reason == "ProvisioningFailed"]
    if failed:
        return _refused(failed)
    known = _class(claim, view)
    if known is None and view.classes is not None and claim.storage_class != "":
        return "no_class"
    reasons = {one.event.reason for one in events}
    if reasons & {"WaitForFirstConsumer", "WaitForPodScheduled"}:
        return "wait_first_consumer"
    if known is None or known.provisioner == STATIC:
        return _unmatched(claim, view)
    if "ExternalProvisioning" in reasons or known.binding_mode == "Immediate":
        return "no_provisioner"
    return "wait_first_consumer"


def _refused(messages: Sequence[str]) -> str:
    """What a provisioner says of its failure."""
    if any("storageclass" in message.lower() and "not found" in message for message in messages):
        return "no_class"
    return "capacity" if any(_CAPACITY.search(message) for message in messages) else "provision_failed"


def _class(claim: Claim, view: Volumes) -> StorageClass | None:
    for one in view.classes or ():
        if one.name == claim.storage_class or (claim.storage_class is None and one.default):
            return one
    return None


def _unmatched(claim: Claim, view: Volumes) -> str:
    """Which property keeps the claim and the volumes of the cluster apart: the one without which a volume would do."""
    fits = {one.meta.entity: _apart(claim, one) for one in view.volumes or ()}
    alone = [next(iter(found)) for found in fits.values() if len(found) == 1]
    return next((reason for reason in _TELLING if reason in alone), "no_match")


def _apart(claim: Claim, volume: PersistentVolume) -> frozenset[str]:
    """What of a volume does not fit a claim."""
    checks = {
        "taken": volume.phase == "Available" and volume.claim in {None, claim.meta.entity},
        "class_mismatch": volume.storage_class == (claim.storage_class or ""),
        "capacity": volume.capacity >= claim.requested,
        "access_mode": set(claim.access_modes) <= set(volume.access_modes),
        "selector": claim.selector.empty or claim.selector.matches(volume.meta.labels),
    }
    return frozenset(name for name, fits in checks.items() if not fits)


def _lost(claim: Claim, seen: Observation[Volumes]) -> Fact:
    return state(
        LOST,
        entity=claim.meta.entity,
        text=f"claim {claim.meta.name} lost its volume {claim.volume}",
        seen=[seen],
        at=None,
        related=claim.used_by,
        detector=DETECTOR.name,
        volume=claim.volume,
    )


DETECTOR = Detector(name="kubernetes.claims", emits=(PENDING, LOST), needs=(Volumes,), detect=detect)
