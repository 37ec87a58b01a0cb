"""What was seen of a workload, as far as a twin can be made of it: template, size, load, CPU and memory. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median

from incidents.evidence import Evidence
from incidents.ids import EntityId, EvidenceId
from incidents.value import Value
from orchestrator.twin.reading import newest
from tools.kubernetes.container import ContainerSpec
from tools.kubernetes.pod import Pod, Pods
from tools.kubernetes.workload import Workload, Workloads
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import RedView
from tools.prometheus.probes.usage import ContainerUsage, UsageView

PROBES = ("kubernetes.workloads", "kubernetes.pods", "prometheus.red", "prometheus.usage")
"""Whose observations a twin is made of."""
LATELY = 4
"""Samples at the end of a curve that say how it is now."""
ROUNDING = 0.001
"""Cores: a limit is written in thousandths."""
SLOWEST_START = 1800.0
"""Seconds: a pod that became ready later than that after its start was disturbed by something else."""


class Load(Value):
    """Requests, before the trouble and now. Shares are 0 to 1, latencies in seconds."""

    rps: float
    failing: float
    failing_before: float
    rps_before: float | None = None
    p50: float | None = None
    p50_before: float | None = None
    p99: float | None = None
    p99_before: float | None = None


class Cpu(Value):
    """CPU of one container of all pods together, in cores."""

    container: str
    limit: float | None
    """Of one pod."""
    limit_before: float | None = None
    """Before it was changed; None when it was the same all the time."""
    used_before: float | None = None


class Memory(Value):
    """Memory of one container, in bytes."""

    container: str
    limit: float
    limit_before: float | None
    """The limit before it was changed; None when it was the same all the time."""
    most: float
    """The most that one pod has ever used."""


class Startup(Value):
    """Seconds from the start of a pod's containers until it was ready, as its present pods took."""

    least: float
    usual: float
    most: float


class Seen(Value):
    """One workload."""

    workload: Workload
    load: Load | None
    memory: Memory | None
    cpu: Cpu | None = None
    startup: Startup | None = None
    evidence: tuple[EvidenceId, ...] = ()


def seen_of(evidence: Sequence[Evidence], entity: EntityId, *, onset: datetime | None) -> Seen | None:
    """What the newest observations say of the workload; None when it was never looked at."""
    workload = newest(
        evidence,
        "kubernetes.workloads",
        Workloads,
        lambda view: next((one for one in view.workloads if one.meta.entity == entity), None),
    )
    if workload is None:
        return None
    red = newest(evidence, "prometheus.red", RedView, lambda view: view if view.entity == entity else None)
    usage = newest(evidence, "prometheus.usage", UsageView, lambda view: view if view.entity == entity else None)
    pods = newest(evidence, "kubernetes.pods", Pods, lambda view: view.of(entity) or None)
    return Seen(
        workload=workload[0],
        load=_load(red[0], onset=onset) if red else None,
        memory=_memory(usage[0], workload[0], onset=onset) if usage else None,
        cpu=_cpu(usage[0], workload[0], onset=onset) if usage else None,
        startup=_startup(pods[0]) if pods else None,
        evidence=tuple(dict.fromkeys(told[1] for told in (workload, red, usage, pods) if told)),
    )


def _load(view: RedView, *, onset: datetime | None) -> Load | None:
    if view.traffic is None:
        return None
    now, before = _last(view.traffic), _typical(view.error_ratio, until=onset)
    failing = _last(view.error_ratio)
    if now is None:
        return None
    return Load(
        rps=now,
        failing=failing or 0.0,
        failing_before=before or 0.0,
        rps_before=_typical(view.traffic, until=onset),
        p50=_last(view.p50),
        p50_before=_typical(view.p50, until=onset),
        p99=_last(view.p99),
        p99_before=_typical(view.p99, until=onset),
    )


def _startup(pods: Sequence[Pod]) -> Startup | None:
    """Of the pods that are ready and never restarted: what a restart takes is another figure."""
    seconds = [taken for pod in pods if (taken := _until_ready(pod)) is not None]
    return Startup(least=min(seconds), usual=median(seconds), most=max(seconds)) if seconds else None


def _until_ready(pod: Pod) -> float | None:
    ready = pod.condition("Ready")
    starts = [one.state.started for one in pod.containers if one.state and one.state.started]
    if not pod.ready or ready is None or ready.changed is None or not starts or any(c.restarts for c in pod.containers):
        return None
    taken = (ready.changed - max(starts)).total_seconds()
    return taken if 0 <= taken <= SLOWEST_START else None


def _cpu(view: UsageView, workload: Workload, *, onset: datetime | None) -> Cpu | None:
    for spec in workload.template.containers:
        used = next((one for one in view.containers if one.container == spec.name), None)
        if used is None or used.cpu_all is None:
            continue
        limit = spec.resources.cpu_limit
        before = max(used.cpu_limit.between(None, onset), default=None) if used.cpu_limit else None
        return Cpu(
            container=spec.name,
            limit=limit,
            limit_before=before if before and limit and abs(before - limit) > ROUNDING else None,
            used_before=_typical(used.cpu_all, until=onset),
        )
    return None


def _memory(view: UsageView, workload: Workload, *, onset: datetime | None) -> Memory | None:
    for spec in workload.template.containers:
        used = next((one for one in view.containers if one.container == spec.name), None)
        found = _of_container(spec, used, onset=onset) if used else None
        if found is not None:
            return found
    return None


def _of_container(spec: ContainerSpec, used: ContainerUsage, *, onset: datetime | None) -> Memory | None:
    limit = spec.resources.memory_limit
    if not limit or used.memory is None:
        return None
    most = max((value for _, value in used.memory.points()), default=None)
    if most is None:
        return None
    earlier = used.memory_limit.between(None, onset) if used.memory_limit else []
    before = max(earlier, default=None)
    return Memory(
        container=spec.name, limit=float(limit), limit_before=before if before and before != limit else None, most=most
    )


def _last(curve: Curve | None) -> float | None:
    known = [value for value in (curve.values if curve else ()) if value is not None]
    return median(known[-LATELY:]) if known else None


def _typical(curve: Curve | None, *, until: datetime | None) -> float | None:
    known: Iterable[float] = curve.between(None, until) if curve else ()
    values = list(known)
    return median(values) if values else None
