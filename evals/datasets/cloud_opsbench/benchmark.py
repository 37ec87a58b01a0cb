"""The set as a data set of Midwatch: which cases a folder has, how one is loaded, how an answer is judged."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from evals.datasets.cloud_opsbench.anomalies import figures_of
from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.calling import Call, calls_of, read_anomalies
from evals.datasets.cloud_opsbench.checks import (
    read_checks,
    read_dependencies,
    read_units,
    series_of_checks,
    series_of_units,
)
from evals.datasets.cloud_opsbench.estate import read_objects
from evals.datasets.cloud_opsbench.figures import (
    Figures,
    read_figures,
    series_of_calls,
    series_of_limits,
    series_of_nodes,
    series_of_services,
)
from evals.datasets.cloud_opsbench.lines import read_lines
from evals.datasets.cloud_opsbench.moments import stamp
from evals.datasets.cloud_opsbench.vocabulary import answers
from evals.datasets.dataset import Ask, DatasetError, Judgement
from incidents.alert import Alert, AlertStatus
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.ids import Fingerprint
from worlds.alertmanager.alert import fingerprint
from worlds.objects.kinds import JsonObject
from worlds.promql.storage import Series
from worlds.recorded.recording import Recording, Source

CLUSTER: Final = "recorded"
_CACHE, _TRUTH = "tool_cache.json", "metadata.json"
_ALERT, _METRICS = Path("raw_data") / "alert.json", Path("raw_data") / "metrics.csv"
_GRID_SECONDS, _GRID_LENGTH = 15.0, 40
"""Samples of what stands still: ten minutes of them."""
_SAME: Final[Mapping[str, str]] = {"db_readonly_mode": "db_read_only", "gateway_misrouted": "gateway_misroute"}
"""Spellings of the set itself for one label."""
_LISTED: Final = (
    "configmaps",
    "secrets",
    "serviceaccounts",
    "persistentvolumeclaims",
    "persistentvolumes",
    "storageclasses",
    "resourcequotas",
    "networkpolicies",
    "ingresses",
)
"""Kinds of which an empty list says that there is none, and no list that nobody looked."""
_TOOLS: Final = frozenset(
    {
        "GetResources",
        "DescribeResource",
        "GetAppYAML",
        "GetErrorLogs",
        "GetServiceDependencies",
        "CheckServiceConnectivity",
        "CheckNodeServiceStatus",
        "GetAlerts",
        "GetClusterConfiguration",
    }
)
"""Tools whose answers are read; the last one repeats what is said of the nodes."""
_KINDS: Final = frozenset(
    {
        *_LISTED,
        "pods",
        "services",
        "endpoints",
        "deployments",
        "statefulsets",
        "daemonsets",
        "replicasets",
        "nodes",
        "namespaces",
    }
)
_NOT_RECORDED: Final[frozenset[Source]] = frozenset({"github", "argocd", "opencost", "traces"})


@dataclass(frozen=True, kw_only=True)
class OpsCase:
    """One frozen incident: a folder with its cache of commands."""

    id: str
    family: str
    folder: Path

    def load(self) -> tuple[Recording, Ask]:
        """Read it. Raises DatasetError. Of the file with the truth only the complaint is read here."""
        cache = Cache(self.folder / _CACHE)
        figures = self._figures(cache)
        now = cache.moments.last
        if figures is not None:
            now = max(now, now.fromtimestamp(figures.times[-1], tz=now.tzinfo))
        objects = read_objects(cache)
        pods = [one for one in objects if one["kind"] == "Pod"]
        logs, entries = read_lines(cache, pods, now=now)
        calls = self._calls(cache, objects)
        recording = Recording(
            cluster=CLUSTER,
            now=now,
            objects=objects,
            unread=frozenset(kind for kind in _LISTED if not cache.was_listed(kind)),
            container_logs=logs,
            logs=entries,
            series=list(self._series(cache, objects, pods)),
            alerts=[_wire(call) for call in calls],
            absent=_NOT_RECORDED,
        )
        return recording, Ask(alerts=tuple(map(_alert, calls)), symptom=self._complaint())

    def judge(self, diagnosis: Diagnosis, case: CaseFile) -> Judgement:
        """A@1 and A@3 on object and cause together, and on each apart."""
        truth = self._read(_TRUTH).get("result") or {}
        thing, cause = str(truth.get("fault_object", "")), _spelled(str(truth.get("root_cause", "")))
        found = dict.fromkeys(pair for one in diagnosis.hypotheses for pair in answers(one, case))
        ranked = tuple(found)
        expected = f"{thing}|{cause}"
        objects = list(dict.fromkeys(pair.split("|")[0] for pair in ranked))
        causes = list(dict.fromkeys(pair.split("|")[1] for pair in ranked))
        metrics = {
            "A@1": float(expected in ranked[:1]),
            "A@3": float(expected in ranked[:3]),
            "object@1": float(thing in objects[:1]),
            "object@3": float(thing in objects[:3]),
            "cause@1": float(cause in causes[:1]),
            "cause@3": float(cause in causes[:3]),
        }
        notes = tuple(unused(Cache(self.folder / _CACHE)))
        correct = ranked[:1] == (expected,)
        return Judgement(expected=expected, ranked=ranked, correct=correct, metrics=metrics, notes=notes)

    def _figures(self, cache: Cache) -> Figures | None:
        recorded = read_figures(self.folder / _METRICS, zone=cache.zone)
        if recorded is not None:
            return recorded
        return figures_of(read_anomalies(cache, self._raw()), zone=cache.zone, end=cache.moments.last)

    def _raw(self) -> str:
        path = self.folder / _ALERT
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def _calls(self, cache: Cache, objects: Sequence[JsonObject]) -> list[Call]:
        return calls_of(
            cache,
            objects,
            checks=list(read_checks(cache)),
            units=list(read_units(cache)),
            anomalies=read_anomalies(cache, self._raw()),
            complaint=self._complaint(),
            now=cache.moments.last,
        )

    def _series(self, cache: Cache, objects: Sequence[JsonObject], pods: Sequence[JsonObject]) -> list[Series]:
        figures = self._figures(cache)
        end = cache.moments.last.timestamp()
        grid = [end - _GRID_SECONDS * step for step in range(_GRID_LENGTH, -1, -1)]
        found = [*series_of_units(cache), *series_of_checks(cache)]
        found += series_of_calls(read_dependencies(cache), figures, at=grid)
        if figures is not None:
            nodes = [one["metadata"]["name"] for one in objects if one["kind"] == "Node"]
            found += series_of_services(figures, pods)
            found += series_of_nodes(figures, nodes)
            found += series_of_limits(pods, at=figures.times.tolist())
        return found

    def _complaint(self) -> str:
        path = self.folder / _TRUTH
        return str(self._read(_TRUTH).get("query") or "") if path.is_file() else ""

    def _read(self, name: str) -> JsonObject:
        path = self.folder / name
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: not a JSON file that can be read: {error}") from error
        if not isinstance(document, dict):
            raise DatasetError(f"{path}: expected a JSON object")
        return document


class CloudOpsBench:
    """Any folder below which there are cases."""

    name = "cloud-opsbench"
    title = "Cloud-OpsBench: frozen Kubernetes incidents"

    def cases(self, path: Path) -> Sequence[OpsCase]:
        """All cases below a folder, or the folder itself when it is one. Raises DatasetError when there is none."""
        folders = sorted(found.parent for found in path.rglob(_CACHE))
        if not folders:
            raise DatasetError(f"{path}: no {_CACHE} below it; expected folders like SYSTEM/CATEGORY/NUMBER")
        return [
            OpsCase(id=folder.relative_to(path).as_posix(), family=folder.parent.name, folder=folder)
            for folder in folders
        ]


def unused(cache: Cache) -> Iterator[str]:
    """What of a recording has no reader here: tools and kinds of objects, each once."""
    tools = {answer.tool for answer in cache.answers if answer.arguments} - _TOOLS
    yield from (f"{tool} is not read" for tool in sorted(tools))
    kinds = {listed.resource for listed in cache.listed.values()} - _KINDS
    yield from (f"{kind} were listed and are not read" for kind in sorted(kinds))


def _spelled(label: str) -> str:
    return _SAME.get(label, label)


def _alert(call: Call) -> Alert:
    labels = _labels(call)
    return Alert(
        fingerprint=Fingerprint(fingerprint(labels)),
        status=AlertStatus.FIRING,
        labels=labels,
        annotations={"summary": call.summary},
        starts_at=call.since,
    )


def _labels(call: Call) -> dict[str, str]:
    return {
        "alertname": call.name,
        "severity": call.severity,
        **{key: value for key, value in call.labels.items() if value},
    }


def _wire(call: Call) -> JsonObject:
    return {
        "labels": _labels(call),
        "annotations": {"summary": call.summary},
        "startsAt": stamp(call.since),
        "endsAt": stamp(call.since + timedelta(days=1)),
    }


DATASET = CloudOpsBench()
