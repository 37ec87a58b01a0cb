"""Workloads that request far more than they use, or use more than they request."""

from collections.abc import Iterable

from agents.cost.prices import UnitPrices
from agents.cost.requested import p95_of, prices_of
from agents.detector import Detector, Scene, Sightings
from agents.observability.figures import container_of
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.quantity import format_bytes
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.usage import ContainerUsage, UsageView

_ATTRIBUTES = {
    "container": "name of the container",
    "resource": "cpu or memory",
    "requested": "what one pod requests, cores or bytes",
    "used_p95": "what the busiest pod uses at most in 95 % of the time, cores or bytes",
}
OVER = FactSpec(
    kind=FactKind("cost.overprovisioned"),
    role=FactRole.STATE,
    meaning="A container requests far more than it uses.",
    attributes={**_ATTRIBUTES, "usd_per_hour_saving": "what requesting only what is needed would save"},
)
UNDER = FactSpec(
    kind=FactKind("cost.underprovisioned"),
    role=FactRole.STATE,
    meaning="A container uses more than it requests: where nodes are full it is the first to starve.",
    attributes=_ATTRIBUTES,
)
MUCH = 0.5
"""Use by request below which the rest is waste: with the margin below, a quarter and more is free."""
MARGIN = 1.15
"""What a request keeps above use: the Vertical Pod Autoscaler's safety margin (recommendation-margin-fraction 0.15)."""
TOO_LITTLE = 1.2
"""Use by request above which the scheduler is told wrong figures."""
LEAST = {"cpu": 0.05, "memory": 64 * 2**20}
"""Cores and bytes of waste or lack worth a word."""
SAMPLES = 60
"""Samples without which a 95th percentile is none: an hour of one a minute."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - the form of a detector
    """Up to one fact per container and resource."""
    priced = prices_of(sightings)
    for seen in sightings.of(UsageView):
        for one in seen.view.containers:
            for resource, used, request in (
                ("cpu", one.cpu, one.cpu_request),
                ("memory", one.memory, one.memory_request),
            ):
                fact = _fact(seen, one, resource, used=used, request=request, prices=priced[0] if priced else None)
                if fact is not None:
                    yield fact


def _fact(
    seen: Observation[UsageView],
    one: ContainerUsage,
    resource: str,
    *,
    used: Curve | None,
    request: Curve | None,
    prices: UnitPrices | None,
) -> Fact | None:
    p95, requested = p95_of(used, least=SAMPLES), request.last if request else None
    if p95 is None or not requested:
        return None
    over = p95 <= MUCH * requested and requested - MARGIN * p95 >= LEAST[resource]
    most = max(value for _, value in request.points()) if request else requested  # it may just have been lowered
    under = p95 >= TOO_LITTLE * most and p95 - requested >= LEAST[resource]
    if not over and not under:
        return None
    pods = (one.pods.last if one.pods else None) or 0.0
    saving = _saving(resource, (requested - MARGIN * p95) * pods, prices) if over else None
    figures = f"requests {_amount(resource, requested)} of {resource} and uses {_amount(resource, p95)}"
    return state(
        OVER if over else UNDER,
        entity=seen.view.entity,
        text=f"{container_of(seen.view.entity, one.container)} {figures}"
        + (f": {saving:.3f} $/h could be saved" if saving else ""),
        seen=[seen],
        at=None,
        strength=0.8,
        detector=DETECTOR.name,
        container=one.container,
        resource=resource,
        requested=round(requested, 4),
        used_p95=round(p95, 4),
        more={"usd_per_hour_saving": round(saving, 5)} if saving is not None else None,
    )


def _saving(resource: str, amount: float, prices: UnitPrices | None) -> float | None:
    if prices is None:
        return None
    cores, memory = (amount, 0.0) if resource == "cpu" else (0.0, amount)
    return prices.usd_per_hour(cores=cores, memory_bytes=memory)


def _amount(resource: str, number: float) -> str:
    return format_bytes(number) if resource == "memory" else f"{number * 1000:.0f}m"


DETECTOR = Detector(name="cost.requests", emits=(OVER, UNDER), needs=(UsageView,), detect=detect)
