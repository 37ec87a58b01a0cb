"""Liveness, readiness and startup probes that fail, and how: refused, timed out, wrong answer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.probe_errors import ProbeError, probe_error
from agents.kubernetes.sighted import SeenEvent, SeenPod, earliest, events_of, fresh, name, of_total, pods_of
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.container import ProbeSpec
from tools.kubernetes.event import Events
from tools.kubernetes.pod import Pods

_ATTRIBUTES = {
    "container": "name of the container",
    "port": "port that is asked",
    "path": "path that is asked, of HTTP probes",
    "reason": "refused, timeout, http_status, protocol, not_serving, unreachable or command",
    "status": "HTTP status that came back",
    "kills": "times the kubelet restarted the container for it",
    "pods": "pods it fails in",
    "total_pods": "pods of the workload",
    "failures": "failed probes that were counted",
}
_CONSEQUENCE = {
    "liveness": "the container is restarted",
    "readiness": "the pod gets no traffic",
    "startup": "the container is restarted before it is up",
}
SPECS = {
    probe: FactSpec(
        kind=FactKind(f"probe.{probe}_failing"),
        role=FactRole.MECHANISM,
        meaning=f"The {probe} probe of a container fails: {consequence}.",
        attributes=_ATTRIBUTES,
    )
    for probe, consequence in _CONSEQUENCE.items()
}
_WORDS = {
    "refused": "connection refused",
    "timeout": "no answer in time",
    "protocol": "an answer of another protocol",
    "not_serving": "the service says that it does not serve",
    "unreachable": "the pod cannot be reached",
    "command": "its command fails",
}


@dataclass(frozen=True, kw_only=True)
class Failing:
    """One kind of probe of one container, failing."""

    workload: EntityId
    container: str
    probe: str
    events: Sequence[tuple[SeenEvent, ProbeError]]
    kills: Sequence[SeenEvent]
    pods: Sequence[SeenPod]


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per probe and container of a workload."""
    pods = pods_of(sightings)
    killed = events_of(sightings, "Killing")
    groups: dict[tuple[EntityId, str, str], list[tuple[SeenEvent, ProbeError]]] = {}
    for one in events_of(sightings, "Unhealthy", "ProbeWarning"):
        error = probe_error(one.event.message)
        if error is not None and one.workload is not None and _matters(one, pods, scene):
            groups.setdefault((one.workload, one.event.container or "", error.probe), []).append((one, error))
    for (workload, container, probe), events in groups.items():
        kills = [
            one
            for one in killed
            if one.workload == workload
            and f"failed {probe} probe" in one.event.message
            and fresh(one.event.last, scene)
        ]
        own = [one for one in pods if one.pod.workload == workload]
        failing = Failing(workload=workload, container=container, probe=probe, events=events, kills=kills, pods=own)
        yield _fact(failing, scene)


def _matters(one: SeenEvent, pods: Sequence[SeenPod], scene: Scene) -> bool:
    """Recent, and of a pod that is still there and not well: hiccups at the start of ready pods do not count."""
    if not fresh(one.event.last, scene):
        return False
    seen = next((pod for pod in pods if pod.pod.meta.entity == one.pod), None)
    if seen is None:
        return False
    restarted = any(status.restarts for status in seen.statuses if status.name == (one.event.container or status.name))
    return not seen.pod.ready or (restarted and one.event.message.startswith(("Liveness", "Startup")))


def _whose(failing: Failing) -> str:
    workload = name(failing.workload)
    if failing.container in (None, "", workload):
        return workload
    return f"{failing.container} in {workload}"


def _fact(failing: Failing, scene: Scene) -> Fact:
    error = _commonest([error for _, error in failing.events])
    spec = _spec(failing)
    port = error.port or _port(failing, spec)
    path = error.path or (spec.path if spec else "")
    hit = {one.pod for one, _ in failing.events if one.pod}
    at = earliest(one.event.first for one, _ in failing.events)
    kills = sum(one.event.count for one in failing.kills)
    answer = f"HTTP {error.status}" if error.status else _WORDS.get(error.reason, error.reason)
    place = f" on port {port}{path}" if port else ""
    killed = f", {count(kills, 'restart')} for it" if kills else ""
    return state(
        SPECS[failing.probe],
        entity=failing.workload,
        text=f"the {failing.probe} probe of {_whose(failing)}{place} fails in "
        f"{of_total(len(hit), len(failing.pods))}: {answer}{killed}{since(at, now=scene.now)}",
        seen=[one.seen for one in (*(one for one, _ in failing.events), *failing.kills)],
        at=at,
        related=sorted(hit),
        detector=DETECTOR.name,
        container=failing.container or None,
        port=port,
        path=path or None,
        reason=error.reason,
        status=error.status,
        kills=kills,
        pods=len(hit),
        total_pods=len(failing.pods),
        failures=sum(one.event.count for one, _ in failing.events),
    )


def _commonest(errors: Sequence[ProbeError]) -> ProbeError:
    return Counter(errors).most_common(1)[0][0]


def _spec(failing: Failing) -> ProbeSpec | None:
    for one in failing.pods:
        container = one.pod.spec.container(failing.container)
        if container is not None:
            return {"liveness": container.liveness, "readiness": container.readiness, "startup": container.startup}[
                failing.probe
            ]
    return None


def _port(failing: Failing, spec: ProbeSpec | None) -> int | None:
    if spec is None or spec.port is not None:
        return spec.port if spec else None
    container = failing.pods[0].pod.spec.container(failing.container) if failing.pods else None
    return container.port_named(spec.port_name) if container else None


DETECTOR = Detector(name="kubernetes.probe_failures", emits=tuple(SPECS.values()), needs=(Events, Pods), detect=detect)
