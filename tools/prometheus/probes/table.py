"""Every metric of every workload of a namespace at once, so that they can be compared: who moved, how far, since when.

Pods are rolled up to workloads by how their controllers name them. Counters are read as rates, gauges as they are,
histogram buckets not at all: their sums say how many requests are in flight, their counts how many there are.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, notes_of, ranges, seen
from tools.prometheus.client import PrometheusClient, RangeAnswer
from tools.prometheus.convention import CONVENTIONS, DEFAULT_INTERVAL, INTERVAL_LOOKBACK, INTERVALS_PER_RATE
from tools.prometheus.curve import STEPS, Curve
from tools.prometheus.probes.wide import COUNTER_ENDINGS, NAMESPACES, interesting
from tools.prometheus.selector import any_pod, quoted

MOST_POINTS = 300
"""Points of one series: enough before the onset to know its noise."""
MOST_METRICS = 60
PER_QUERY = 12
"""Metrics joined into one expression."""
MOST_ROWS = 1500
"""Series of one table; more is cut, and said."""
SHORTEST_RATE = 20.0
"""Seconds that rates look back over at least."""
LONGEST = timedelta(hours=6)
SHORTEST = timedelta(minutes=15)
"""Bounds of the history before the onset, whatever the scrape interval."""
ASKED_FOR_INTERVAL = 5
"""Metrics of which the slowest says how often there are samples: exporters differ."""
FAILED = "requests_failed"
"""The row that counts failed requests per second, whatever convention and code label they follow."""
ABOUT_OBJECTS = "kube_"
"""Metrics of kube-state-metrics repeat what the Kubernetes API says."""
NAMING = ("service", "service_name", "deployment", "k8s_deployment_name", "app", "job")
"""Labels that name whoever exports a series when no pod does, the most telling first."""


class TableArgs(Value):
    """Which namespace, and around which moment."""

    namespace: EntityId
    onset: datetime
    """About when it began: the history before it is as long as the samples are dense."""
    end: datetime


class Row(Value):
    """One metric of one workload. `workload` is a name, not yet an entity."""

    workload: str
    metric: str
    quantile: str = ""
    """Of a summary's quantile."""
    curve: Curve


class TableView(Value):
    """All rows are on one grid. `interval` is the seconds between samples, `rate_seconds` what rates look back over."""

    namespace: EntityId
    interval: float
    rate_seconds: float
    rows: tuple[Row, ...] = ()


def expression(selectors: Mapping[str, str], *, seconds: int) -> str:
    """One query for several metrics, one series per workload; the label `metric` says which is which. Pure.

    Rates are added up over pods; of gauges the pod counts that shows most, or nine healthy pods would hide the tenth.
    """
    return " or ".join(_one(name, selector, seconds=seconds) for name, selector in selectors.items())


def failures(selectors: Mapping[str, str], *, seconds: int) -> str | None:
    """Failed requests per second by workload, for those of the counters that carry a code. Pure."""
    found = [
        f"rate({one.counter}{{{selectors[one.counter]},{code}=~{quoted(one.failed)}}}[{seconds}s])"
        for one in CONVENTIONS
        if one.counter in selectors
        for code in one.codes
    ]
    return _by_workload(FAILED, " or ".join(found), how="sum") if found else None


def window_of(args: TableArgs, *, interval: float) -> tuple[Window, float]:
    """The window and the step in seconds: as much history as MOST_POINTS samples hold, within bounds. Pure."""
    history = min(max(timedelta(seconds=MOST_POINTS * interval), SHORTEST), LONGEST)
    window = Window(start=args.onset - history, end=args.end)
    enough = max(interval, (window.end - window.start).total_seconds() / (MOST_POINTS - 1))
    return window, next((step for step in (1.0, 2.0, *STEPS) if step >= enough), STEPS[-1])


def _one(name: str, selector: str, *, seconds: int) -> str:
    series = f"{name}{{{selector}}}"
    if name.endswith(COUNTER_ENDINGS):
        return _by_workload(name, f"rate({series}[{seconds}s])", how="sum")
    return _by_workload(name, series, how="max")


def _by_workload(metric: str, series: str, *, how: str) -> str:
    """Rolled up by the pod's name without what its controller appended, else by what names the exporter."""
    rolled = f'label_replace({series}, "workload", "$1", "pod", {quoted(any_pod())})'
    return _named(metric, f"{how} by (workload, quantile, {', '.join(NAMING)}) ({rolled})")


def _named(metric: str, series: str) -> str:
    return f'label_replace({series}, "metric", {quoted(metric)}, "", "")'


async def _selectors(client: PrometheusClient, space: Entity, *, window: Window) -> dict[str, str]:
    """The metrics worth a row, in the order of their names, each with the selector that finds its series."""
    found: dict[str, str] = {}
    for label in NAMESPACES:
        selector = f"{label}={quoted(space.name)}"
        names = await client.label_values("__name__", selector=f"{{{selector}}}", window=window)
        found = {**dict.fromkeys(names, selector), **found}
    return {name: found[name] for name in interesting(list(found)) if not name.startswith(ABOUT_OBJECTS)}


async def _interval(client: PrometheusClient, selectors: Mapping[str, str], *, at: datetime) -> float:
    """Seconds between two samples of the metric that has fewest."""
    some = list(selectors.items())[:ASKED_FOR_INTERVAL]
    if not some:
        return DEFAULT_INTERVAL
    counts = [_named(name, f"max(count_over_time({name}{{{where}}}[{INTERVAL_LOOKBACK}s]))") for name, where in some]
    answer = await client.query(f"min({' or '.join(counts)})", at=at)
    number = answer.samples[0].value if answer.samples else None
    return INTERVAL_LOOKBACK / number if number else DEFAULT_INTERVAL


async def _run(cluster: Cluster, args: TableArgs) -> Observation[TableView]:
    client, space = client_of(cluster), Entity.parse(args.namespace)
    found = await _selectors(client, space, window=Window(start=args.onset - SHORTEST, end=args.end))
    chosen = dict(list(found.items())[:MOST_METRICS])
    interval = await _interval(client, chosen, at=args.end)
    seconds = int(max(SHORTEST_RATE, INTERVALS_PER_RATE * interval))
    window, step = window_of(args, interval=interval)
    queries = _queries(chosen, seconds=seconds)
    answers = await ranges(client, queries, window=window, step=step, most=MOST_ROWS)
    left_out = f"{len(found) - len(chosen)} of {len(found)} metrics were not read" if len(found) > len(chosen) else None
    return seen(
        cluster,
        TableView(namespace=args.namespace, interval=interval, rate_seconds=seconds, rows=_rows(answers)),
        probe=PROBE.name,
        queries=list(queries.values()) or [f"series: {label}={quoted(space.name)}" for label in NAMESPACES],
        title=f"all metrics of all workloads of {space.name}",
        window=window,
        complete=False,
        cut="; ".join(part for part in (left_out, notes_of(answers)) if part) or None,
    )


def _queries(selectors: Mapping[str, str], *, seconds: int) -> dict[str, str]:
    names = list(selectors)
    batches = [names[start : start + PER_QUERY] for start in range(0, len(names), PER_QUERY)]
    queries = {
        f"part {number}": expression({name: selectors[name] for name in batch}, seconds=seconds)
        for number, batch in enumerate(batches, start=1)
    }
    failed = failures(selectors, seconds=seconds)
    return {**queries, "failed": failed} if failed else queries


def _rows(answers: Mapping[str, RangeAnswer]) -> tuple[Row, ...]:
    return tuple(
        Row(
            workload=workload,
            metric=curve.labels["metric"],
            quantile=curve.labels.get("quantile", ""),
            curve=curve.model_copy(update={"labels": {}}),
        )
        for answer in answers.values()
        for curve in answer.curves
        if (workload := _workload(curve.labels))
    )


def _workload(labels: Mapping[str, str]) -> str:
    return next((labels[name] for name in ("workload", *NAMING) if labels.get(name)), "")


PROBE = Probe(
    name="prometheus.table",
    source=Source.PROMETHEUS,
    describe="All metrics of all workloads of a namespace, one series each, to see whose moved first and farthest. "
    "Ask when an alert names no workload, or nobody knows where trouble begins.",
    args=TableArgs,
    view=TableView,
    run=_run,
)
