"""Workloads that cost money and do nothing."""

from collections.abc import Iterable

from agents.cost.requested import p95_of, prices_of, requested_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, count
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.probes.usage import UsageView

IDLE = FactSpec(
    kind=FactKind("cost.idle"),
    role=FactRole.STATE,
    meaning="A workload runs, costs money and does nothing.",
    attributes={
        "usd_per_hour": "what it costs",
        "cpu_use": "share of its requested CPU that all its pods together use, 0..1",
        "since": "since when at least, ISO 8601",
    },
)
LEAST_USE = 0.02
"""Share of the requested CPU: health checks and garbage collection alone take one or two per cent."""
LEAST_CORES = 0.02
"""Cores in all: whoever uses more does something, however much was requested."""
SAMPLES = 120
"""Samples, about an hour and a half to two hours: a lull is not idleness."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload."""
    priced = prices_of(sightings)
    for seen in sightings.of(UsageView):
        requested = requested_of(seen.view)
        if requested is None or requested.pods == 0 or requested.cores == 0:
            continue
        used = [p95_of(one.cpu_all, least=SAMPLES) for one in seen.view.containers]
        if not used or any(value is None for value in used):
            continue
        total = sum(value or 0.0 for value in used)
        if total > LEAST_CORES or total > LEAST_USE * requested.pods * requested.cores:
            continue
        usd = requested.usd_per_hour(priced[0]) if priced else None
        start = seen.evidence.window.start if seen.evidence.window else None
        ever = f" since {clock_time(start, now=scene.now)} at least" if start else ""
        price = f", {usd:.3f} $/h" if usd is not None else ""
        yield state(
            IDLE,
            entity=seen.view.entity,
            text=f"{name_of(seen.view.entity)} does nothing{ever}: {count(requested.pods, 'pod')}{price}",
            seen=[seen, *(priced[1] if priced else ())],
            at=None,
            strength=0.8,
            detector=DETECTOR.name,
            cpu_use=round(total / (requested.pods * requested.cores), 4),
            since=start.isoformat() if start else None,
            usd_per_hour=round(usd, 5) if usd is not None else None,
        )


DETECTOR = Detector(name="cost.idle", emits=(IDLE,), needs=(UsageView,), detect=detect)
