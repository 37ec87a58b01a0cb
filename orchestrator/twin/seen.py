"""What was seen of a workload, as far as a twin can be made of it: template, size, load, memory, failures. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import TypeVar

from pydantic import ValidationError

from incidents.evidence import Evidence
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.container import ContainerSpec
from tools.kubernetes.workload import Workload, Workloads
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import RedView
from tools.prometheus.probes.usage import ContainerUsage, UsageView

ViewT = TypeVar("ViewT", RedView, UsageView)
PROBES = ("kubernetes.workloads", "prometheus.red", "prometheus.usage")
"""Whose observations a twin is made of."""
LATELY = 4
"""Samples at the end of a curve that say how it is now."""


class Load(Value):
    """Requests, before the trouble and now. Shares are 0 to 1."""

    rps: float
    failing: float
    failing_before: float


class Memory(Value):
    """Memory of one container, in bytes."""

    container: str
    limit: float
    limit_before: float | None
    """The limit before it was changed; None when it was the same all the time."""
    most: float
    """The most that one pod has ever used."""


class Seen(Value):
    """One workload."""

    workload: Workload
    load: Load | None
    memory: Memory | None


def seen_of(evidence: Sequence[Evidence], entity: EntityId, *, onset: datetime | None) -> Seen | None:
    """What the newest observations say of the workload; None when it was never looked at."""
    workload = _workload(evidence, entity)
    if workload is None:
        return None
    red = _newest(evidence, "prometheus.red", RedView, entity)
    usage = _newest(evidence, "prometheus.usage", UsageView, entity)
    return Seen(
        workload=workload,
        load=_load(red, onset=onset) if red else None,
        memory=_memory(usage, workload, onset=onset) if usage else None,
    )


def _workload(evidence: Sequence[Evidence], entity: EntityId) -> Workload | None:
    for item in reversed(evidence):
        if item.probe != "kubernetes.workloads":
            continue
        try:
            found = Workloads.model_validate_json(item.body).workloads
        except ValidationError:
            continue  # cut: no JSON any more
        match = next((one for one in found if one.meta.entity == entity), None)
        if match is not None:
            return match
    return None


def _newest(evidence: Sequence[Evidence], probe: str, form: type[ViewT], entity: EntityId) -> ViewT | None:
    for item in reversed(evidence):
        if item.probe != probe:
            continue
        try:
            view = form.model_validate_json(item.body)
        except ValidationError:
            continue
        if view.entity == entity:
            return view
    return None


def _load(view: RedView, *, onset: datetime | None) -> Load | None:
    if view.traffic is None:
        return None
    now, before = _last(view.traffic), _typical(view.error_ratio, until=onset)
    failing = _last(view.error_ratio)
    if now is None:
        return None
    return Load(rps=now, failing=failing or 0.0, failing_before=before or 0.0)


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
