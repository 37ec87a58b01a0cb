"""What probes would have seen, built by hand: curves that step at the onset, views over them, and the scene around."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from agents.detector import Detector, Scene, Sightings
from incidents.alert import Severity
from incidents.casefile import CaseFile
from incidents.evidence import Evidence, Source, Window
from incidents.fact import Fact
from incidents.ids import EntityId, IncidentId
from incidents.incident import Incident, Phase
from incidents.topology import Topology
from incidents.value import Value
from tests.agents.cases import CLUSTER, ONSET
from tests.agents.cases import entity as entity_id
from tools.probe import Observation
from tools.prometheus.convention import ConventionName, RequestMetrics
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import RedView
from tools.prometheus.probes.service_graph import Call, ServiceGraphView
from tools.prometheus.probes.usage import ContainerUsage, UsageView

START = ONSET - timedelta(minutes=60)
NOW = ONSET + timedelta(minutes=15)
STEP = 30.0
MIB = 2**20
CHECKOUT = EntityId(entity_id("checkout"))

COUNTS = ("restarts", "pods")

Level = Callable[[float], float | None]
"""Minutes after the onset -> value."""


def curve(level: Level | float, *, minutes: float = 60, until: float = 15, ripple: float = 0.005) -> Curve:
    """A curve from that many minutes before the onset until that many after, with a ripple on it; counts have none."""
    count = int((minutes + until) * 60 / STEP) + 1
    values: list[float | None] = []
    for index in range(count):
        at = -minutes + index * STEP / 60
        value = level(at) if callable(level) else level
        values.append(None if value is None else value * (1 + ripple * ((index * 7) % 5 - 2)))
    return Curve(start=ONSET - timedelta(minutes=minutes), step=STEP, values=tuple(values))


def steps(before: float, after: float, *, at: float = 0) -> Level:
    """One level until `at` minutes after the onset, another from then on."""
    return lambda minutes: after if minutes >= at else before


def seen(
    view: Value, *, entities: Iterable[EntityId] = (), start: datetime = START, end: datetime = NOW
) -> Observation[Any]:
    window = Window(start=start, end=end)
    evidence = Evidence.of(
        probe="test",
        source=Source.PROMETHEUS,
        query=type(view).__name__,
        observed_at=NOW,
        body=view.model_dump_json(),
        window=window,
    )
    return Observation(view=view, evidence=evidence, entities=tuple(entities))


def red(
    of: EntityId = CHECKOUT,
    *,
    traffic: Level | float = 40.0,
    errors: Level | float = 0.001,
    p99: Level | float | None = 0.2,
    code: str = "503",
) -> Observation[Any]:
    """Requests of a workload: `errors` is the share that fails with `code`."""
    metrics = RequestMetrics(
        convention=ConventionName.OTEL,
        selector='service_name="checkout"',
        label="service_name",
        code_label="http_response_status_code",
        interval=15,
    )

    def rate(minutes: float) -> float | None:
        return traffic(minutes) if callable(traffic) else traffic

    def share(minutes: float) -> float:
        found = errors(minutes) if callable(errors) else errors
        return found or 0.0

    def part(of_rate: Callable[[float], float]) -> Level:
        return lambda minutes: None if (known := rate(minutes)) is None else known * of_rate(minutes)

    view = RedView(
        entity=of,
        metrics=metrics,
        codes={"200": curve(part(lambda m: 1 - share(m))), code: curve(part(share))},
        p50=curve(0.05),
        p99=curve(p99) if p99 is not None else None,
    )
    return seen(view, entities=[of])


def no_red(of: EntityId = CHECKOUT) -> Observation[Any]:
    return seen(RedView(entity=of))


def usage(
    of: EntityId = CHECKOUT, *, available: Level | float = 6, desired: Level | float = 6, **figures: Level | float
) -> Observation[Any]:
    """Use of the one container of a workload, by the fields of ContainerUsage."""
    container = ContainerUsage.model_validate(
        {"container": "app", **{n: curve(level, ripple=0 if n in COUNTS else 0.005) for n, level in figures.items()}}
    )
    view = UsageView(
        entity=of, containers=(container,), available=curve(available, ripple=0), desired=curve(desired, ripple=0)
    )
    return seen(view, entities=[of])


def call(
    client: str, server: str, *, rate: float = 20.0, failing: Level | float | None = None, p99: Level | float = 0.05
) -> Call:
    """Calls from one service to another; `failing` is a share."""
    share = failing
    failed = None if share is None else curve(lambda m: rate * ((share(m) if callable(share) else share) or 0.0))
    return Call(client=client, server=server, rate=curve(rate), failed=failed, p99=curve(p99))


def graph(*calls: Call) -> Observation[Any]:
    known = tuple((one.client, one.server, 20.0) for one in calls)
    return seen(ServiceGraphView(source="service_graph", calls=calls, known=known))


def scene(*asked: EntityId, inventory: Iterable[EntityId] = (), topology: Topology | None = None) -> Scene:
    entities = asked or (CHECKOUT,)
    incident = Incident(
        id=IncidentId("inc-test00000001"),
        title="checkout",
        severity=Severity.SEV1,
        phase=Phase.INVESTIGATING,
        cluster=CLUSTER,
        entities=entities,
        opened_at=ONSET + timedelta(minutes=5),
        started_at=ONSET,
        graph_version="1",
    )
    case = CaseFile(
        incident=incident,
        alerts=(),
        focus=entities,
        onset=ONSET,
        topology=topology or Topology(),
        inventory=frozenset({*entities, *inventory}),
    )
    return Scene(case=case, now=NOW, entities=entities)


def facts(detector: Detector, *observations: Observation[Any], at: Scene | None = None) -> list[Fact]:
    return list(detector.detect(Sightings(observations=observations), at or scene()))


def kinds(detector: Detector, *observations: Observation[Any], at: Scene | None = None) -> list[str]:
    return [fact.kind for fact in facts(detector, *observations, at=at)]
