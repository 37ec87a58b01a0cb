"""Volumes that nobody mounts: claims without a pod, and volumes whose claim is gone."""

from collections.abc import Iterable
from datetime import timedelta

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.quantity import format_bytes
from tools.kubernetes.volume import Volumes

ORPHANED = FactSpec(
    kind=FactKind("cost.orphaned_volume"),
    role=FactRole.STATE,
    meaning="A volume is paid for and nobody mounts it.",
    attributes={"size_bytes": "its size", "state": "unmounted (a claim without a pod) or released (a volume without)"},
)
SETTLED = timedelta(days=1)
"""A claim younger than that may still be waiting for its pod."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per claim and volume."""
    for seen in sightings.of(Volumes):
        for claim in seen.view.claims:
            created = claim.meta.created
            if claim.phase != "Bound" or claim.used_by or created is None or scene.now - created < SETTLED:
                continue
            yield state(
                ORPHANED,
                entity=claim.meta.entity,
                text=f"claim {claim.meta.name} of {format_bytes(claim.capacity or claim.requested)} is not mounted",
                seen=[seen],
                at=None,
                strength=0.7,
                detector=DETECTOR.name,
                size_bytes=claim.capacity or claim.requested,
                state="unmounted",
            )
        for volume in seen.view.volumes or ():
            if volume.phase == "Released":
                yield state(
                    ORPHANED,
                    entity=volume.meta.entity,
                    text=f"volume {volume.meta.name} of {format_bytes(volume.capacity)} is left of a deleted claim",
                    seen=[seen],
                    at=None,
                    detector=DETECTOR.name,
                    size_bytes=volume.capacity,
                    state="released",
                )


DETECTOR = Detector(name="cost.orphaned_volumes", emits=(ORPHANED,), needs=(Volumes,), detect=detect)
