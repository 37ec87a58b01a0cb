"""PetShop (Hardt et al., CLeaR 2024): latency and availability issues of a serverless application, from its traces.

Any folder below which `<scenario>/{graph.csv, noissue/metrics.csv, <split>/issue_*/{metrics.csv, target.json}}` stand.
The header of metrics.csv has three rows (microservice, metric, statistic); a row covers the five minutes that begin at
its time. `graph.csv` is a matrix of who (row) calls whom (column). Of target.json, `target` is the objective that was
violated, and so the alert; `root_cause` is the truth, which nothing but `judge` reads.

The baseline was recorded apart in time: here it ends where the issue begins. A scenario without one borrows that of a
scenario beside it, the same application under other load. Managed services are workloads like any other here.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from evals.datasets.dataset import Ask, DatasetError, Judgement
from evals.scores.blamed import workloads_blamed
from evals.scores.ranks import accuracy
from incidents.alert import Alert, AlertStatus
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.ids import Fingerprint
from worlds.promql.storage import Series
from worlds.recorded.figures import Floats, counter, existing, gauge, names_for
from worlds.recorded.recording import Recording, Source

CLUSTER, NAMESPACE = "recorded", "shop"
METRICS, TARGET, GRAPH = "metrics.csv", "target.json", "graph.csv"
BASELINE = Path("noissue") / METRICS
PERIOD = 300.0
"""Seconds that a row covers, when a file has a single row."""
SCRAPE = 60.0
"""Seconds between samples: an exporter repeats the statistic of a period until the next one."""
HISTORY = 96
"""Rows of the baseline that are kept: eight hours."""
PERCENT = 100.0
_ALERTS = {"latency": "HighLatency", "availability": "HighErrorRate"}
_UNRECORDED: frozenset[Source] = frozenset(
    {"kubernetes", "alertmanager", "loki", "github", "argocd", "opencost", "traces"}
)
_Key = tuple[str, str, str]
"""Microservice, metric, statistic."""


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Rows by time (unix seconds, when each begins) and their columns."""

    times: Floats
    columns: Mapping[_Key, Floats]


@dataclass(kw_only=True)
class PetshopCase:
    """One issue."""

    id: str
    family: str
    folder: Path
    scenario: Path
    _wild: dict[str, str] = field(default_factory=dict, repr=False)

    def load(self) -> tuple[Recording, Ask]:
        """What Prometheus would hold, and the violated objective as an alert."""
        target = _json(self.folder / TARGET).get("target", {})
        edges = _edges(self.scenario / GRAPH)
        table = _spliced(_baseline(self.scenario), _read(self.folder / METRICS))
        nodes = dict.fromkeys([*(node for node, _, _ in table.columns), *(node for edge in edges for node in edge)])
        if target.get("node") not in nodes:
            raise DatasetError(f"{self.folder / TARGET}: expected target.node to be a microservice of {METRICS}")
        names = names_for(nodes)
        self._wild = {name: node for node, name in names.items()}
        times, filled = _sampled(table)
        recording = Recording(
            cluster=CLUSTER,
            now=_moment(times[-1]),
            series=[
                *existing(names.values(), namespace=NAMESPACE, times=times),
                *(one for node, name in names.items() for one in _series(node, name, times, filled)),
                *_calls(edges, names, times, filled),
            ],
            absent=_UNRECORDED,
        )
        return recording, Ask(alerts=(_alert(target, names, period=_period(table.times)),))

    def judge(self, diagnosis: Diagnosis, case: CaseFile) -> Judgement:  # noqa: ARG002 - the form of a judge
        """The rank of the microservice that target.json names."""
        expected = str(_json(self.folder / TARGET).get("root_cause", {}).get("node", ""))
        ranked = workloads_blamed(diagnosis, names=self._wild)
        metrics = accuracy(ranked, right=[expected])
        return Judgement(
            expected=expected,
            ranked=ranked,
            correct=ranked[:1] == (expected,),
            metrics={**metrics, f"AC@1 {self.objective}": metrics["AC@1"]},
            notes=_notes(self.scenario),
        )

    @property
    def objective(self) -> str:
        """What was violated: `latency` or `availability`."""
        return str(_json(self.folder / TARGET).get("target", {}).get("metric", "unknown"))


class Petshop:
    """The format."""

    name = "petshop"
    title = "PetShop: latency and availability issues, request metrics and call graph"

    def cases(self, path: Path) -> Sequence[PetshopCase]:
        """Every folder with metrics and a target. Raises DatasetError when there is none."""
        folders = sorted(found.parent for found in path.rglob(TARGET) if (found.parent / METRICS).is_file())
        if not folders:
            raise DatasetError(f"{path}: no folder issue_* with {METRICS} and {TARGET} below it")
        return [
            PetshopCase(
                id=folder.relative_to(path).as_posix(),
                family=f"{_scenario(folder).name}/{_json(folder / TARGET).get('target', {}).get('metric', 'unknown')}",
                folder=folder,
                scenario=_scenario(folder),
            )
            for folder in folders
        ]


def _notes(scenario: Path) -> tuple[str, ...]:
    own, found = scenario / BASELINE, _baseline_of(scenario)
    if found == own:
        return ()
    borrowed = f"borrowed that of {found.parents[1].name}" if found else "nothing is known of what is usual"
    return (f"{scenario.name} has no baseline: {borrowed}",)


def _scenario(folder: Path) -> Path:
    """The nearest folder above that has a call graph."""
    found = next((above for above in folder.parents if (above / GRAPH).is_file()), None)
    if found is None:
        raise DatasetError(f"{folder}: expected {GRAPH} in a folder above it")
    return found


def _alert(target: Mapping[str, Any], names: Mapping[str, str], *, period: float) -> Alert:
    """It fires when the first whole period after the objective's time is over."""
    metric = str(target.get("metric", ""))
    begun = float(np.ceil(float(target["timestamp"]) / period) * period)
    labels = {
        "alertname": _ALERTS.get(metric, "ObjectiveViolated"),
        "namespace": NAMESPACE,
        "deployment": names[str(target["node"])],
        "severity": "critical",
    }
    return Alert(
        fingerprint=Fingerprint("petshop"),
        status=AlertStatus.FIRING,
        labels=labels,
        annotations={"summary": f"{metric} violates its objective"},
        starts_at=_moment(begun + period),
    )


def _series(node: str, name: str, times: Floats, columns: Mapping[_Key, Floats]) -> Iterable[Series]:
    """One microservice by the conventions of OpenTelemetry, with a summary's quantiles, as they were recorded."""
    labels = {"namespace": NAMESPACE, "service": name}
    empty = np.full(len(times), np.nan)
    requests = columns.get((node, "requests", "Sum"), empty)
    available = columns.get((node, "availability", "Average"), empty)
    failed = requests * (1 - np.nan_to_num(available, nan=PERCENT) / PERCENT)
    base = "http_server_request_duration_seconds"
    if np.isfinite(requests).any():
        for code, share in (("200", requests - failed), ("500", failed)):
            yield counter(f"{base}_count", {**labels, "http_response_status_code": code}, times, share)
        mean = columns.get((node, "latency", "Average"), empty)
        yield counter(f"{base}_sum", labels, times, requests * mean)
    for (where, metric, statistic), values in columns.items():
        if where == node and metric == "latency" and statistic.startswith("p") and np.isfinite(values).any():
            quantile = f"{float(statistic[1:]) / PERCENT:g}"
            yield gauge(base, {**labels, "quantile": quantile}, times, values)


def _calls(
    edges: Sequence[tuple[str, str]], names: Mapping[str, str], times: Floats, columns: Mapping[_Key, Floats]
) -> Iterable[Series]:
    """The call graph as a service graph's counter.

    How many calls an edge carries was not recorded: a callee's requests are spread over its callers evenly.
    """
    callers = {callee: sum(other == callee for _, other in edges) for _, callee in edges}
    for caller, callee in edges:
        requests = columns.get((callee, "requests", "Sum"), np.zeros(len(times)))
        labels = {"client": names[caller], "server": names[callee]}
        rates = np.nan_to_num(requests) / callers[callee]  # who never calls is on the map too
        yield counter("traces_service_graph_request_total", labels, times, rates)


def _sampled(table: _Table) -> tuple[Floats, dict[_Key, Floats]]:
    """Each statistic repeated through its period, at the times of scrapes; sums as rates per second."""
    period = _period(table.times)
    repeats = max(1, int(period // SCRAPE))
    offsets = (np.arange(repeats) + 1) * (period / repeats)
    times = (table.times[:, None] + offsets[None, :]).ravel()
    scale = {key: 1 / period if key[2] == "Sum" else 1.0 for key in table.columns}
    return times, {key: np.repeat(values * scale[key], repeats) for key, values in table.columns.items()}


def _spliced(baseline: _Table | None, issue: _Table) -> _Table:
    """The latest rows of the baseline, moved in time to end where the issue begins."""
    if baseline is None:
        return issue
    period = _period(issue.times)
    count = min(HISTORY, len(baseline.times))
    earlier = issue.times[0] - period * np.arange(count, 0, -1)
    gap = np.full(count, np.nan)
    return _Table(
        times=np.concatenate([earlier, issue.times]),
        columns={
            key: np.concatenate([baseline.columns[key][-count:] if key in baseline.columns else gap, values])
            for key, values in issue.columns.items()
        },
    )


def _baseline(scenario: Path) -> _Table | None:
    found = _baseline_of(scenario)
    return _read(found) if found else None


def _baseline_of(scenario: Path) -> Path | None:
    """Its own, else that of the first scenario beside it."""
    beside = sorted(scenario.parent.glob(f"*/{BASELINE.as_posix()}"))
    return next((path for path in (scenario / BASELINE, *beside) if path.is_file()), None)


def _edges(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head, *rows = list(csv.reader(file))
        return [
            (row[0], head[index])
            for row in rows
            for index in range(1, len(row))
            if row[index] and float(row[index]) > 0
        ]
    except (OSError, ValueError, IndexError) as error:
        raise DatasetError(f"{path}: expected a matrix of numbers with names on both sides: {error}") from error


def _read(path: Path) -> _Table:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            nodes, metrics, statistics, *rows = list(csv.reader(file))
        rows = [row for row in rows if row and _is_number(row[0])]  # a row may name the index instead
        values = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows], dtype=np.float64)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: expected three rows of header and rows of numbers: {error}") from error
    if values.ndim != 2 or values.shape[1] != len(nodes):  # noqa: PLR2004 - rows by columns
        raise DatasetError(f"{path}: expected as many cells in every row as in the header")
    keys = list(zip(nodes, metrics, statistics, strict=True))
    order = np.argsort(values[:, 0])
    return _Table(times=values[order, 0], columns={key: values[order, i] for i, key in enumerate(keys) if i > 0})


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit()


def _period(times: Floats) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else PERIOD


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: expected JSON: {error}") from error
    return found


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(float(at), tz=UTC)


DATASET = Petshop()
