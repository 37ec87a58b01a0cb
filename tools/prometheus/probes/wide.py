"""Every metric that a workload's pods expose, one series each, so that what moved most can be found without knowing it.

Counters are read as rates, gauges as they are, histogram buckets not at all (their sums and counts say enough).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, notes_of, ranges, seen
from tools.prometheus.client import PrometheusClient
from tools.prometheus.curve import Curve, step_for
from tools.prometheus.selector import pod_pattern, quoted

FINEST = 60.0
"""Seconds: ranking needs shape, not detail."""
RATE = "4m"
MOST_METRICS = 40
"""Series of about a hundred values that fit into one evidence body."""
PER_QUERY = 15
"""Metrics joined into one expression: longer ones are slow to read for people and for Prometheus."""
NAMESPACES = ("namespace", "k8s_namespace_name")
"""Labels that name the namespace: of exporters and of OpenTelemetry."""
COUNTER_ENDINGS = ("_total", "_count", "_sum")
SKIPPED = ("_bucket", "_created", "_info")
_BORING = ("container_spec_", "container_start_time", "container_last_seen", "kube_pod_", "scrape_", "ALERTS")
_ABOUT_SCRAPING = frozenset({"up"})


class WideArgs(Value):
    """Which workload, and over which window."""

    entity: EntityId
    start: datetime
    end: datetime


class WideView(Value):
    """One curve per metric, summed (counters, as rate per second) or averaged (gauges) over pods."""

    entity: EntityId
    metrics: dict[str, Curve] = {}


def interesting(names: Sequence[str]) -> list[str]:
    """The metrics worth a series, in the order of their names. Pure."""
    kept = (name for name in names if not name.endswith(SKIPPED) and not name.startswith(_BORING))
    return sorted(name for name in kept if name not in _ABOUT_SCRAPING)


def expression(selectors: Mapping[str, str]) -> str:
    """One query for several metrics, each with its selector; the label `metric` says which is which."""
    parts = [f'label_replace({_one(n, s)}, "metric", {quoted(n)}, "", "")' for n, s in selectors.items()]
    return " or ".join(parts)


def _one(name: str, selector: str) -> str:
    series = f"{name}{{{selector}}}"
    return f"sum(rate({series}[{RATE}]))" if name.endswith(COUNTER_ENDINGS) else f"avg({series})"


async def _selectors(client: PrometheusClient, entity: Entity, *, window: Window) -> dict[str, str]:
    """The metrics of the workload's pods, each with the selector that finds its series."""
    pods = f"pod=~{quoted(pod_pattern(entity))}"
    spaces = [f"{label}={quoted(entity.namespace)},{pods}" for label in NAMESPACES] if entity.namespace else [pods]
    found: dict[str, str] = {}
    for selector in spaces:
        names = await client.label_values("__name__", selector=f"{{{selector}}}", window=window)
        found = {**dict.fromkeys(names, selector), **found}
    return found


async def _run(cluster: Cluster, args: WideArgs) -> Observation[WideView]:
    client, entity = client_of(cluster), Entity.parse(args.entity)
    window = Window(start=args.start, end=args.end)
    selectors = await _selectors(client, entity, window=window)
    found = interesting(list(selectors))
    names = found[:MOST_METRICS]
    batches = {f"part {i // PER_QUERY + 1}": names[i : i + PER_QUERY] for i in range(0, len(names), PER_QUERY)}
    queries = {part: expression({name: selectors[name] for name in batch}) for part, batch in batches.items()}
    answers = await ranges(client, queries, window=window, step=step_for(window, finest=FINEST))
    metrics = {curve.labels["metric"]: curve for answer in answers.values() for curve in answer.curves}
    left_out = f"{len(found) - len(names)} of {len(found)} metrics were not read" if len(found) > len(names) else None
    return seen(
        cluster,
        WideView(entity=args.entity, metrics={name: metrics[name] for name in names if name in metrics}),
        probe=PROBE.name,
        queries=list(queries.values()),
        title=f"all metrics of {entity.label}",
        window=window,
        complete=False,
        cut="; ".join(part for part in (left_out, notes_of(answers)) if part) or None,
    )


PROBE = Probe(
    name="prometheus.wide",
    source=Source.PROMETHEUS,
    describe="All metrics that a workload's pods expose, one series each, to see which of them moved.",
    args=WideArgs,
    view=WideView,
    run=_run,
)
