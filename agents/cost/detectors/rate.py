"""What a workload costs per hour, and the prices that this was counted with."""

from collections.abc import Iterable

from agents.cost.requested import Requested, prices_of, requested_of, rows_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import count
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.quantity import format_bytes
from tools.opencost.probes.allocation import AllocationView
from tools.prometheus.probes.usage import UsageView

RATE = FactSpec(
    kind=FactKind("cost.rate"),
    role=FactRole.STATE,
    meaning="What a workload costs per hour.",
    attributes={
        "usd_per_hour": "all its pods together",
        "usd_per_core_hour": "price of a requested core",
        "usd_per_gib_hour": "price of a requested GiB of memory",
        "replicas": "pods",
        "cpu_request": "cores that one pod requests",
        "memory_request": "bytes that one pod requests",
        "basis": "where the prices come from",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - the form of a detector
    """One fact per workload whose requests and prices are known."""
    priced = prices_of(sightings)
    if priced is None:
        return
    prices, sources = priced
    for seen in sightings.of(UsageView):
        requested = requested_of(seen.view)
        if requested is None:
            continue
        billed = _billed(sightings, seen.view)
        usd = billed if billed is not None else requested.usd_per_hour(prices)
        yield state(
            RATE,
            entity=seen.view.entity,
            text=f"{name_of(seen.view.entity)} costs {usd:.3f} $/h: {_asks(requested)}, by {prices.basis}",
            seen=[seen, *sources],
            at=None,
            detector=DETECTOR.name,
            usd_per_hour=round(usd, 5),
            usd_per_core_hour=round(prices.core_hour, 6),
            usd_per_gib_hour=round(prices.gib_hour, 6),
            replicas=requested.pods,
            cpu_request=round(requested.cores, 4),
            memory_request=round(requested.memory),
            basis=prices.basis,
        )


def _billed(sightings: Sightings, view: UsageView) -> float | None:
    """What OpenCost counted for the workload in the latest hour; None when it did not."""
    for seen in sightings.of(AllocationView):
        for row in rows_of(seen.view, view.entity):
            if row.usd_per_hour is not None:
                return row.usd_per_hour
    return None


def _asks(requested: Requested) -> str:
    return f"{count(requested.pods, 'pod')} with {requested.cores:g} cores and {format_bytes(requested.memory)} each"


DETECTOR = Detector(name="cost.rate", emits=(RATE,), needs=(UsageView,), detect=detect)
