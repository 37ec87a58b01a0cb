"""Volumes that are nearly full, or soon will be."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.trend import find_trend
from agents.reporting import state
from agents.wording import percent
from incidents.entity import Entity
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.volumes import VolumesView, VolumeUse

NEARLY_FULL = FactSpec(
    kind=FactKind("disk.nearly_full"),
    role=FactRole.MECHANISM,
    meaning="A volume is nearly full, in bytes or in files, or will be soon.",
    attributes={
        "ratio": "share that is used, 0..1",
        "hours_to_full": "hours until it is full at the present pace",
        "of": "bytes or inodes",
    },
)
FULL = 0.97
"""Share used: kube-prometheus is critical below 3 % free (KubePersistentVolumeFillingUp)."""
FILLING = 0.85
"""Share used from which growth is looked at: kube-prometheus warns below 15 % free."""
SOON = 24.0
"""Hours: kube-prometheus warns four days ahead; an incident looks at today."""
STRAIGHT = 0.6


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - the form of a detector
    """Up to two facts per claim."""
    for seen in sightings.of(VolumesView):
        for volume in seen.view.volumes:
            for of, used, whole in (
                ("bytes", volume.used, volume.capacity),
                ("inodes", volume.inodes_used, volume.inodes),
            ):
                if used and whole and (fact := _fact(seen, volume, of=of, used=used, whole=whole)):
                    yield fact


def _fact(seen: Observation[VolumesView], volume: VolumeUse, *, of: str, used: Curve, whole: Curve) -> Fact | None:
    now, most = used.last, whole.last
    if now is None or not most:
        return None
    trend = find_trend(used)
    steady = trend is not None and trend.r2 >= STRAIGHT
    hours = trend.hours_to(most) if trend and steady else None
    soon = now / most >= FILLING and hours is not None and hours <= SOON
    if now / most < FULL and not soon:
        return None
    rest = f", full in {hours:.1f} h at this pace" if hours is not None and now < most else ""
    return state(
        NEARLY_FULL,
        entity=volume.claim,
        text=f"volume {Entity.parse(volume.claim).name} has used {percent(now / most)} of its {of}{rest}",
        seen=[seen],
        at=next((at for at, value in used.points() if value / most >= FULL), None),
        detector=DETECTOR.name,
        ratio=round(now / most, 4),
        hours_to_full=round(hours, 2) if hours is not None else None,
        of=of,
    )


DETECTOR = Detector(name="observability.disks", emits=(NEARLY_FULL,), needs=(VolumesView,), detect=detect)
