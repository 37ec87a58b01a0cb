"""RCD's Sock Shop cases (Ikram et al., NeurIPS 2022): metrics before and after a CPU or memory fault, nothing else.

Any folder below which `<service>-<fault>/<n>/{normal,anomalous}.csv` stand. The first column is `time` in unix seconds,
one row a second or any other step; every other column is `<service>_<metric>` (a dash before a known metric will do).
The two files were recorded apart in time: here `normal.csv` ends where `anomalous.csv` begins. The folder's name is the
truth; nothing but `judge` reads it.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from evals.datasets.dataset import Ask, DatasetError, Judgement
from evals.scores.blamed import workloads_blamed
from evals.scores.ranks import accuracy
from incidents.alert import Alert, AlertStatus
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.ids import Fingerprint
from worlds.promql.storage import Series
from worlds.recorded.figures import Floats, counter, existing, gauge, names_for, pod_of
from worlds.recorded.recording import Recording, Source

CLUSTER, NAMESPACE = "recorded", "shop"
BEFORE, AFTER = "normal.csv", "anomalous.csv"
PERCENT = 100.0
"""The set's CPU is in percent of a core."""
_TIME = "time"
_KNOWN = re.compile(r"(?P<service>.+)[_-](?P<metric>cpu|mem|lod|load|workload|err|error|lat(?:ency)?[_-]\d+)")
_QUANTILE = re.compile(r"lat(?:ency)?[_-](\d+)")
_LOAD, _ERRORS = ("lod", "load", "workload"), ("err", "error")
_UNRECORDED: frozenset[Source] = frozenset(
    {"kubernetes", "alertmanager", "loki", "github", "argocd", "opencost", "traces"}
)


@dataclass(frozen=True, kw_only=True)
class RcdTable:
    """Both files behind each other. `values` is rows by columns; row `split` is the first that was anomalous."""

    columns: Sequence[str]
    times: Floats
    values: Floats
    split: int


@dataclass(kw_only=True)
class RcdCase:
    """One pair of files."""

    id: str
    family: str
    folder: Path
    _wild: dict[str, str] = field(default_factory=dict, repr=False)

    def load(self) -> tuple[Recording, Ask]:
        """What Prometheus would hold, and an alert about the whole namespace when the second file begins."""
        table = read_case(self.folder)
        named = [_parsed(column) for column in table.columns]
        names = names_for(dict.fromkeys(service for service, _ in named))
        self._wild = {name: service for service, name in names.items()}
        begun, now = _moment(table.times[table.split]), _moment(table.times[-1])
        recording = Recording(
            cluster=CLUSTER,
            now=now,
            series=[
                *existing(names.values(), namespace=NAMESPACE, times=table.times),
                *_series(table, named, names),
            ],
            absent=_UNRECORDED,
        )
        return recording, Ask(alerts=(_alert(begun),), symptom="Something is wrong in the namespace.")

    def judge(self, diagnosis: Diagnosis, case: CaseFile) -> Judgement:  # noqa: ARG002 - the form of a judge
        """The rank of the service that the folder names."""
        ranked = workloads_blamed(diagnosis, names=self._wild)
        metrics = accuracy(ranked, right=[self.truth])
        return Judgement(expected=self.truth, ranked=ranked, correct=ranked[:1] == (self.truth,), metrics=metrics)

    @property
    def truth(self) -> str:
        """The service that the folder names: for judges, never for `load`."""
        return self.folder.parent.name.rpartition("-")[0]


class Rcd:
    """The format."""

    name = "rcd"
    title = "RCD Sock Shop: CPU and memory faults, metrics only"

    def cases(self, path: Path) -> Sequence[RcdCase]:
        """Every folder with both files. Raises DatasetError when there is none."""
        folders = sorted(found.parent for found in path.rglob(AFTER) if (found.parent / BEFORE).is_file())
        if not folders:
            raise DatasetError(f"{path}: no folder <service>-<fault>/<n> with {BEFORE} and {AFTER} below it")
        return [
            RcdCase(id=folder.relative_to(path).as_posix(), family=folder.parent.name.rpartition("-")[2], folder=folder)
            for folder in folders
        ]


def _alert(at: datetime) -> Alert:
    """What called: somewhere in the namespace something is unusual. The set names no symptom."""
    labels = {"alertname": "NamespaceAnomaly", "namespace": NAMESPACE, "severity": "warning"}
    return Alert(
        fingerprint=Fingerprint("rcd"),
        status=AlertStatus.FIRING,
        labels=labels,
        annotations={"summary": f"Metrics in {NAMESPACE} are unusual"},
        starts_at=at,
    )


def _series(table: RcdTable, named: Sequence[tuple[str, str]], names: Mapping[str, str]) -> Iterable[Series]:
    columns = {pair: table.values[:, index] for index, pair in enumerate(named)}
    for (service, metric), values in columns.items():
        name = names[service]
        labels = {"namespace": NAMESPACE, "pod": pod_of(name), "container": name}
        if metric == "cpu":
            yield counter("container_cpu_usage_seconds_total", labels, table.times, values / PERCENT)
        elif metric == "mem":
            yield gauge("container_memory_usage_bytes", labels, table.times, values)
        elif quantile := _QUANTILE.fullmatch(metric):
            shown = f"{int(quantile[1]) / PERCENT:g}"
            yield gauge("request_duration_seconds", {**labels, "quantile": shown}, table.times, values)
        elif metric in _LOAD:
            failed = next(
                (columns[service, one] for one in _ERRORS if (service, one) in columns), np.zeros(len(values))
            )
            for code, share in (("200", 1 - np.nan_to_num(failed)), ("500", np.nan_to_num(failed))):
                yield counter("request_duration_seconds_count", {**labels, "code": code}, table.times, values * share)
        else:
            yield gauge(f"recorded_{re.sub('[^a-zA-Z0-9_]', '_', metric)}", labels, table.times, values)


def service_of(column: str) -> str:
    """The service that a column is about."""
    return _parsed(column)[0]


def _parsed(column: str) -> tuple[str, str]:
    """Service and metric of a column."""
    if known := _KNOWN.fullmatch(column):
        return known["service"], known["metric"]
    service, _, metric = column.rpartition("_")
    return (service, metric) if service else (column, "value")


def read_case(folder: Path) -> RcdTable:
    """Columns of either file; where one lacks a column, its values are gaps. Raises DatasetError."""
    (head, normal), (other, anomalous) = _read(folder / BEFORE), _read(folder / AFTER)
    columns = [name for name in dict.fromkeys((*head, *other)) if name != _TIME]
    times = anomalous[_TIME]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    earlier = times[0] - step - (normal[_TIME][-1] - normal[_TIME])
    rows = [_filled(normal, columns), _filled(anomalous, columns)]
    return RcdTable(columns=columns, times=np.concatenate([earlier, times]), values=np.vstack(rows), split=len(earlier))


def _filled(known: Mapping[str, Floats], columns: Sequence[str]) -> Floats:
    gap = np.full(len(known[_TIME]), np.nan)
    return np.column_stack([known.get(name, gap) for name in columns])


def _read(path: Path) -> tuple[Sequence[str], Mapping[str, Floats]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head, *rows = list(csv.reader(file))
        values = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows], dtype=np.float64)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: expected a header and rows of numbers: {error}") from error
    if _TIME not in head or values.ndim != 2 or values.shape[1] != len(head):  # noqa: PLR2004 - rows by columns
        raise DatasetError(f"{path}: expected a column {_TIME!r} and as many cells in every row as in the header")
    return head, {name: values[:, index] for index, name in enumerate(head)}


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(float(at), tz=UTC)


DATASET = Rcd()
