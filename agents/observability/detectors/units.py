"""System services of nodes that do not run: kubelet, container runtime, proxy, and parts of the control plane."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.probes.units import Unit, UnitsView

UNIT_DOWN = FactSpec(
    kind=FactKind("node.unit_down"),
    role=FactRole.MECHANISM,
    meaning="A system service that a node lives by does not run there.",
    attributes={
        "unit": "name of the unit, for example containerd",
        "part": "kubelet, runtime, proxy, scheduler, control_plane or dns",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per unit. One that is not installed on a node has never run there and is no trouble."""
    for seen in sightings.of(UnitsView):
        for unit in seen.view.stopped:
            stopped = _stopped_at(unit)
            if stopped is None:
                continue
            at = unit.active.time(stopped) if stopped else None
            yield state(
                UNIT_DOWN,
                entity=Entity(cluster=scene.case.incident.cluster, kind=EntityKind.NODE, name=unit.node).id,
                text=f"node {unit.node}: {unit.unit} does not run{since(at, now=scene.now)}",
                seen=[seen],
                at=at,
                detector=DETECTOR.name,
                unit=unit.unit,
                part=unit.role,
            )


def _stopped_at(unit: Unit) -> int | None:
    """Index of the first sample at which it did not run any more; None when it never ran in the window."""
    running = [index for index, value in enumerate(unit.active.values) if value]
    return running[-1] + 1 if running else None


DETECTOR = Detector(name="observability.units", emits=(UNIT_DOWN,), needs=(UnitsView,), detect=detect)
