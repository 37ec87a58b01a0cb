"""Workloads that keep files on a volume which outlives their pods, whose owner and rights are not theirs to choose."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import name, near, workloads_of
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.workload import Workloads

KEPT = frozenset({"persistentVolumeClaim", "hostPath", "nfs", "csi", "local"})
"""Types of volumes that were there before the pod."""

MOUNTS_VOLUME = FactSpec(
    kind=FactKind("workload.mounts_volume"),
    role=FactRole.STATE,
    meaning="A workload mounts a volume that is older than its pods: a claim, a share, a directory of the node.",
    attributes={"volume": "name of the volume", "type": "persistentVolumeClaim, hostPath, nfs, csi or local"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per volume of the workloads that are asked about."""
    for entity, one in workloads_of(sightings).items():
        kept = [(volume.name, volume.type) for volume in one.workload.template.volumes if volume.type in KEPT]
        kept += [(claim, "persistentVolumeClaim") for claim in one.workload.claims]
        for volume, kind in kept if near(entity, scene) else ():
            yield state(
                MOUNTS_VOLUME,
                entity=entity,
                text=f"{name(entity)} keeps files on volume {volume} ({kind})",
                seen=[one.seen],
                at=None,
                detector=DETECTOR.name,
                volume=volume,
                type=kind,
            )


DETECTOR = Detector(name="kubernetes.mounted", emits=(MOUNTS_VOLUME,), needs=(Workloads,), detect=detect)
