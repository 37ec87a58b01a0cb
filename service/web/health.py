"""For those who watch the watch: is the process alive, can it work, its figures for Prometheus. Open to all."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from incidents.incident import Phase
from orchestrator.store.control import switch_of
from orchestrator.store.figures import Figures, figures
from orchestrator.store.incidents import count_by_phase
from service.web.access import ContextDep

router = APIRouter()

COUNTERS = {
    "alerts": ("midwatch_alerts", "Alerts taken in, by status", "status"),
    "decisions": ("midwatch_decisions", "Decisions of people", "choice"),
    "refusals": ("midwatch_decision_refusals", "Clicks that did not count, by reason", "reason"),
    "executions": ("midwatch_executions", "Actions of approved proposals, by status", "status"),
    "outcomes": ("midwatch_verifications", "Executed proposals, by what telemetry said", "outcome"),
}
"""Field of Figures -> name, help and label of the metric. Alerts and executions change status, so they are gauges."""
GAUGES = frozenset({"alerts", "executions"})


class _Ready:
    """A registry's collector that gives out what was counted before."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(context: ContextDep) -> dict[str, str]:
    """It can reach its database; 503 when not."""
    async with context.store.transaction() as tx:
        paused = (await switch_of(tx)).paused
    policy = "not taken up: see the policy page and the log" if context.policy_problem else "in force"
    return {"status": "ready", "execution": "paused" if paused else "enabled", "policy": policy}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(context: ContextDep) -> Response:
    """Figures in Prometheus' text format."""
    async with context.store.transaction() as tx:
        counted, phases, paused = await figures(tx), await count_by_phase(tx), (await switch_of(tx)).paused
    switches = [_paused(on=paused), _unusable(on=bool(context.policy_problem))]
    registry = CollectorRegistry()
    registry.register(_Ready([*_counts(counted), _phases(phases), *_durations(counted), *switches]))
    return Response(generate_latest(registry), status_code=HTTPStatus.OK, media_type=CONTENT_TYPE_LATEST)


def _counts(counted: Figures) -> list[Metric]:
    families: list[Metric] = []
    for field, (name, text, label) in COUNTERS.items():
        family = (GaugeMetricFamily if field in GAUGES else CounterMetricFamily)(name, text, labels=[label])
        for value, number in sorted(getattr(counted, field).items()):
            family.add_metric([value], number)
        families.append(family)
    for name, text, number in (
        ("midwatch_deliveries", "Notifications taken in, repeats included", counted.deliveries),
        ("midwatch_rejected_alerts", "Alerts of a notification that could not be read", counted.rejected),
    ):
        families.append(CounterMetricFamily(name, text, value=number))
    return families


def _phases(phases: dict[Phase, int]) -> Metric:
    family = GaugeMetricFamily("midwatch_incidents", "Incidents, by phase", labels=["phase"])
    for phase in Phase:
        family.add_metric([phase.value], phases.get(phase, 0))
    return family


def _durations(counted: Figures) -> list[Metric]:
    return [
        SummaryMetricFamily(
            f"midwatch_{d.name}_seconds",
            f"Seconds from {d.name.replace('_to_', ' to ')}",
            count_value=d.count,
            sum_value=d.seconds,
        )
        for d in counted.durations
    ]


def _paused(*, on: bool) -> Metric:
    return GaugeMetricFamily("midwatch_paused", "1 while execution is paused by the kill switch", value=float(on))


def _unusable(*, on: bool) -> Metric:
    text = "1 while the policy's files cannot be used and the policy before them stays in force"
    return GaugeMetricFamily("midwatch_policy_unusable", text, value=float(on))
