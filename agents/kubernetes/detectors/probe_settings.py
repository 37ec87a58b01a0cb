"""Probes whose settings cannot work: a port nobody listens on by declaration, or less patience than the start takes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenPod, SeenWorkload, near, pods_of, workloads_of
from agents.reporting import state
from agents.wording import duration
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.container import ContainerSpec, ProbeSpec
from tools.kubernetes.pod import Pods
from tools.kubernetes.workload import Workloads

MIN_START_S = 5.0
"""Starts that are faster say nothing about patience: times come in whole seconds."""

LEAST_PATIENCE_S = 10.0
"""Half of the 21 s that Kubernetes gives by default: who kills a container sooner, and it restarts, is suspect."""

PORT_NOT_EXPOSED = FactSpec(
    kind=FactKind("probe.port_not_exposed"),
    role=FactRole.STATE,
    meaning="A probe asks a port that the container does not declare, although it declares others.",
    attributes={
        "container": "name of the container",
        "probe": "liveness, readiness or startup",
        "port": "the port that is asked, number or name",
        "declared_ports": "the declared ports",
    },
)
TOO_IMPATIENT = FactSpec(
    kind=FactKind("probe.too_impatient"),
    role=FactRole.STATE,
    meaning="A liveness or startup probe gives a container less time than its start takes, or hardly any.",
    attributes={
        "container": "name of the container",
        "probe": "liveness or startup",
        "initial_delay_s": "initialDelaySeconds",
        "patience_s": "seconds from the start to the restart by the probe",
        "start_seconds": "seconds that a pod of it took to become ready; none when no pod did without a restart",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Facts of the workloads that are asked about."""
    pods = pods_of(sightings)
    for entity, one in workloads_of(sightings).items():
        if not near(entity, scene):
            continue
        own = [pod for pod in pods if pod.pod.workload == entity]
        for container in one.workload.template.containers:
            for probe, spec in _probes(container):
                yield from _undeclared(one, container, probe, spec)
                if probe != "readiness":
                    yield from _impatient(one, own, container, probe, spec)


def _probes(container: ContainerSpec) -> Iterator[tuple[str, ProbeSpec]]:
    pairs = (("liveness", container.liveness), ("readiness", container.readiness), ("startup", container.startup))
    yield from ((name, spec) for name, spec in pairs if spec is not None)


def _undeclared(one: SeenWorkload, container: ContainerSpec, probe: str, spec: ProbeSpec) -> Iterable[Fact]:
    declared = {port.number for port in container.ports}
    names = {port.name for port in container.ports}
    by_number = spec.port is not None and bool(declared) and spec.port not in declared
    by_name = bool(spec.port_name) and spec.port_name not in names
    if not (by_number or by_name):
        return
    asked, known = str(spec.port or spec.port_name), ", ".join(str(port) for port in sorted(declared)) or "none"
    yield state(
        PORT_NOT_EXPOSED,
        entity=one.workload.meta.entity,
        text=f"the {probe} probe of {container.name} in {one.workload.meta.name} "
        f"asks port {asked}; declared are {known}",
        seen=[one.seen],
        at=None,
        detector=DETECTOR.name,
        container=container.name,
        probe=probe,
        port=asked,
        declared_ports=known,
    )


def _impatient(
    one: SeenWorkload, pods: Sequence[SeenPod], container: ContainerSpec, probe: str, spec: ProbeSpec
) -> Iterable[Fact]:
    if probe == "liveness" and container.startup is not None:
        return
    slowest = max((took for pod in pods if (took := _start_seconds(pod, container.name)) is not None), default=0.0)
    hasty = spec.patience_s < LEAST_PATIENCE_S and any(_restarted(pod, container.name) for pod in pods)
    if not hasty and (slowest < MIN_START_S or slowest <= spec.patience_s):
        return
    needs = f"it needs up to {duration(slowest)}" if slowest else "and it is restarted again and again"
    yield state(
        TOO_IMPATIENT,
        entity=one.workload.meta.entity,
        text=f"the {probe} probe of {container.name} in {one.workload.meta.name} restarts it "
        f"{duration(spec.patience_s)} after its start; {needs}",
        seen=[one.seen, *(pod.seen for pod in pods)],
        at=None,
        detector=DETECTOR.name,
        container=container.name,
        probe=probe,
        initial_delay_s=spec.initial_delay_s,
        patience_s=spec.patience_s,
        start_seconds=slowest or None,
    )


def _restarted(one: SeenPod, container: str) -> bool:
    return any(status.name == container and status.restarts for status in one.pod.containers)


def _start_seconds(one: SeenPod, container: str) -> float | None:
    """From the container's start to the pod's readiness, of a pod that was never restarted: what a start takes."""
    condition = one.pod.condition("Ready")
    status = next((status for status in one.pod.containers if status.name == container), None)
    if condition is None or not condition.holds or condition.changed is None or status is None or status.restarts:
        return None
    started: datetime | None = status.state.started if status.state else None
    return None if started is None else max(0.0, (condition.changed - started).total_seconds())


DETECTOR = Detector(
    name="kubernetes.probe_settings",
    emits=(PORT_NOT_EXPOSED, TOO_IMPATIENT),
    needs=(Workloads, Pods),
    detect=detect,
)
