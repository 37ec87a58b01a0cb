"""Metrics and logs of a case in the form in which Prometheus and Loki have them.

Recorded are figures that a dashboard would show, once a minute (error ratio, p99, requests per second). Each is served
as it is, under its own name; and of those whose names say what they are, the counters and histograms from which such a
figure is made are served as well, so that the same questions as everywhere find them. Where only a ratio was recorded,
the number of requests is not known: NOMINAL stands for it.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evals.datasets.rootcausebench.estate import Estate, namespace_of, pod_of
from evals.datasets.rootcausebench.files import Files, recorded_times, seconds
from worlds.loki.storage import Entry
from worlds.promql.storage import Series
from worlds.recorded.recording import ContainerLog

Floats = NDArray[np.float64]

NOMINAL: Final = 10.0
"""Requests per second of a service of which only shares were recorded."""
STEP: Final = 15.0
"""Seconds between two samples that are served: a figure holds until the next one."""
_OUTBOUND = re.compile(r"outbound|upstream|client|egress|downstream|endpoint|dependency|call")
_RATIO = re.compile(r"(?:error|5xx|fail(?:ure|ed)?)(?:\w*_)?(?:ratio|rate|pct|percent|percentage)(?:_pct|_percent)?$")
_FAILED = re.compile(r"(?:5xx|error|fail\w*)\w*(?:per_sec|_ps|per_second|rps)$")
_RATE = re.compile(
    r"^(?!.*(?:5xx|error|fail|db|query|queries|log|retr)).*(?:requests?_per_sec(?:ond)?|_?rps|_?qps|request_rate)$"
)
_P99 = re.compile(
    r"(?:duration|latency|response_time)\w*?p99\w*?_?(?P<unit>ms|s|seconds)?$|p99\w*?_?(?P<alone>ms|s|seconds)$"
)
_ENDS_LIKE_A_COUNTER = re.compile(r"_(?:total|count|sum)$")
_BOUNDS: Final = tuple(0.001 * 2 ** (step / 2) for step in range(40))
"""Upper bounds of buckets, seconds."""


class Telemetry:
    """Series and log lines of one case."""

    def __init__(self, files: Files, estate: Estate) -> None:
        """Nothing is computed yet."""
        self.files, self.estate = files, estate
        self.curves: dict[str, dict[str, tuple[Floats, Floats]]] = {}
        for sample in files.metrics:
            self.curves.setdefault(sample.service, {}).setdefault(sample.metric, ([], []))  # type: ignore[arg-type]
            times, values = self.curves[sample.service][sample.metric]
            times.append(seconds(sample.timestamp))  # type: ignore[attr-defined]
            values.append(sample.value)  # type: ignore[attr-defined]

    def series(self) -> Iterator[Series]:
        """All of them."""
        for service in self.files.services:
            yield _constant(
                {
                    "__name__": "kube_deployment_spec_replicas",
                    "namespace": namespace_of(service),
                    "deployment": service,
                },
                self._grid(),
            )
        for service, metrics in self.curves.items():
            labels = self._labels(service)
            held = {name: _held(np.array(times), np.array(values)) for name, (times, values) in metrics.items()}
            for name, (times, values) in held.items():
                served = np.cumsum(values) if _ENDS_LIKE_A_COUNTER.search(name) and _falls(values) else values
                yield Series(labels={"__name__": _plain(name), **labels}, timestamps=times, values=served)
            yield from _requests(held, {"namespace": labels["namespace"], "service": service})

    def logs(self) -> Iterator[Entry]:
        """Lines as JSON, with everything that was recorded of them."""
        for record in self.files.logs:
            extra = {
                key: value for key, value in (record.model_extra or {}).items() if not isinstance(value, dict | list)
            }
            said = {"level": record.severity_text.lower(), "msg": record.msg, **extra}
            labels = {**self._labels(record.service), "container": record.service, "app": record.service}
            line = json.dumps(said, ensure_ascii=False, default=str)
            yield Entry(labels=labels, ns=int(seconds(record.timestamp) * 1e9), line=line)

    def container_logs(self) -> Iterator[ContainerLog]:
        """The same lines as `kubectl logs` prints them."""
        lines: dict[str, list[tuple[float, str]]] = {}
        for record, entry in zip(self.files.logs, self.logs(), strict=True):
            lines.setdefault(record.service, []).append((seconds(record.timestamp), entry.line))
        for service, own in lines.items():
            labels = self._labels(service)
            yield ContainerLog(
                namespace=labels["namespace"], pod=labels["pod"], container=service, lines=tuple(sorted(own))
            )

    def _labels(self, service: str) -> Mapping[str, str]:
        number = self.estate.current(service)
        return {"namespace": namespace_of(service), "pod": pod_of(service, number), "service": service}

    def _grid(self) -> Floats:
        times = [seconds(at) for at in recorded_times(self.files)]
        return np.arange(min(times), max(times) + STEP, STEP)


def _requests(held: Mapping[str, tuple[Floats, Floats]], labels: Mapping[str, str]) -> Iterator[Series]:
    """Counters and a histogram from which the recorded figures would be computed."""
    inbound = {name: curve for name, curve in held.items() if not _OUTBOUND.search(name)}
    rate = _first(inbound, _RATE)
    ratio = _first(inbound, _RATIO)
    failed = _first(inbound, _FAILED)
    slow = next(((match, held[name]) for name in inbound if (match := _P99.search(name))), None)
    known = next((one for one in (ratio, failed, rate, slow[1] if slow else None) if one), None)
    if known is None:
        return
    times = known[0]
    per_second = np.interp(times, *rate) if rate else np.full_like(times, NOMINAL)
    share = np.zeros_like(times)
    if ratio is not None:
        name = next(name for name in inbound if inbound[name] is ratio)
        percent = name.endswith(("pct", "percent", "percentage")) or float(np.max(ratio[1])) > 1.0
        share = np.interp(times, *ratio) / (100.0 if percent else 1.0)
    elif failed is not None:
        share = np.interp(times, *failed) / np.maximum(per_second, 1e-9)
    share = np.clip(share, 0.0, 1.0)
    for code, part in (("200", 1.0 - share), ("500", share)):
        yield _counter({"__name__": "http_requests_total", **labels, "code": code}, times, per_second * part)
    if slow is not None:
        unit = slow[0]["unit"] or slow[0]["alone"] or "ms"
        p99 = np.interp(times, *slow[1]) * (0.001 if unit == "ms" else 1.0)
        yield from _histogram(labels, times, per_second, p99)


def _first(curves: Mapping[str, tuple[Floats, Floats]], pattern: re.Pattern[str]) -> tuple[Floats, Floats] | None:
    return next((curve for name, curve in curves.items() if pattern.search(name)), None)


def _histogram(labels: Mapping[str, str], times: Floats, per_second: Floats, p99: Floats) -> Iterator[Series]:
    """Half of the requests far below, and so many in the bucket of the p99 that interpolation gives just that."""
    bounds = np.array(_BOUNDS)
    place = np.clip(np.searchsorted(bounds, p99), 1, len(bounds) - 1)
    low, high = bounds[place - 1], bounds[place]
    within = np.clip((p99 - low) / (high - low), 0.02, 0.98)
    mass = 0.01 / (1.0 - within)
    for number, bound in enumerate((*_BOUNDS, math.inf)):
        share = np.where(
            number >= place, 1.0, np.where(number == place - 1, 1.0 - mass, (1.0 - mass) * min(1.0, bound * 8))
        )
        share = np.where(number < place - 1, np.minimum(share, 1.0 - mass), share)
        le = "+Inf" if math.isinf(bound) else f"{bound:.6g}"
        name = {"__name__": "http_request_duration_seconds_bucket", **labels, "le": le}
        yield _counter(name, times, per_second * share)


def _held(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The figures on a grid of STEP: each holds until the next was recorded."""
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    grid = np.arange(times[0], times[-1] + STEP, STEP)
    return grid, values[np.clip(np.searchsorted(times, grid, side="right") - 1, 0, len(values) - 1)]


def _counter(labels: Mapping[str, str], times: Floats, per_second: Floats) -> Series:
    grown = np.concatenate([[0.0], np.cumsum(per_second[:-1] * np.diff(times))])
    return Series(labels=dict(labels), timestamps=times, values=grown)


def _constant(labels: Mapping[str, str], times: Floats) -> Series:
    return Series(labels=dict(labels), timestamps=times, values=np.ones_like(times))


def _falls(values: Floats) -> bool:
    return bool(np.any(np.diff(values) < 0))


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name)


def span_of_time(files: Files) -> Sequence[float]:
    """First and last moment of what was recorded, unix seconds."""
    times = [seconds(at) for at in recorded_times(files)]
    return (min(times), max(times)) if times else (seconds(files.alert.fired_at),) * 2
