"""The samples that both sides of the differential test are given: irregular, with gaps, resets, NaN and histograms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from worlds.promql.memory import MemoryStorage
from worlds.promql.number import format_value
from worlds.promql.storage import METRIC_NAME, Series

START = 1_700_000_000.0
SECONDS = 3600
TYPES = {
    "http_requests": "counter",
    "request_seconds": "histogram",
    "memory_bytes": "gauge",
    "kube_pod_info": "gauge",
    "weird": "gauge",
    "temperature": "gauge",
    "up": "gauge",
}


def build() -> MemoryStorage:
    """An hour of samples of about 60 series; the same on every call."""
    return MemoryStorage(_series())


def openmetrics(storage: MemoryStorage) -> str:
    """The same samples in the text format that promtool reads."""
    lines = []
    for family, kind in TYPES.items():
        lines.append(f"# TYPE {family} {kind}")
        for name in (family, f"{family}_total", f"{family}_bucket", f"{family}_sum", f"{family}_count"):
            lines += [line for series in storage._by_name.get(name, []) for line in _lines(series)]
    return "\n".join([*lines, "# EOF", ""])


def _lines(series: Series) -> Iterator[str]:
    labels = ",".join(f'{name}="{value}"' for name, value in series.labels.items() if name != METRIC_NAME)
    for time, value in zip(series.timestamps, series.values, strict=True):
        yield f"{series.labels[METRIC_NAME]}{{{labels}}} {format_value(float(value))} {time:.3f}"


def _series() -> Iterator[Series]:
    random = np.random.default_rng(247)
    regular = START + np.arange(0, SECONDS, 15.0)
    for service in ("cart", "checkout", "payment"):
        for pod in range(3):
            for code in ("200", "404", "500"):
                own = {"service": service, "pod": f"{service}-{pod}", "code": code, "namespace": "shop"}
                times = np.round(regular + random.uniform(-4, 4), 3)
                increments = random.poisson(3 if code == "200" else 0.3, len(times)).astype(float)
                yield _one("http_requests_total", own, _with_gap(times, random), _with_resets(increments, random))
            yield from _histogram({"service": service, "pod": f"{service}-{pod}"}, regular, random)
            own = {"namespace": "shop", "pod": f"{service}-{pod}"}
            level = np.abs(random.normal(1e8, 2e7, len(regular)).cumsum()) / 50
            yield _one("memory_bytes", {**own, "container": "app"}, regular, np.round(level))
            yield _one("kube_pod_info", {**own, "node": f"node-{pod}"}, regular, np.ones(len(regular)))
            yield _one(
                "up", {"job": service, "instance": f"10.0.0.{pod}:80"}, regular, random.integers(0, 2, len(regular))
            )
    weird = np.array([1.5, np.nan, np.inf, -np.inf, 0.0, -3.25, 7e-9, 1e21] * 30)
    yield _one("weird", {"kind": "mixed"}, regular[: len(weird)], weird)
    yield _one("weird", {"kind": "nan"}, regular, np.full(len(regular), np.nan))
    yield _one("temperature", {"room": "a"}, regular[::4], np.sin(np.arange(len(regular[::4])) / 5) * 20)
    yield _one("temperature", {"room": "b"}, regular[100:140], np.linspace(-4, 4, 40))
    yield _one("temperature", {"room": "c"}, regular, np.full(len(regular), 21.5))


def _histogram(labels: dict[str, str], times: np.ndarray, random: np.random.Generator) -> Iterator[Series]:
    bounds = ["0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf"]
    hits = random.poisson([8, 6, 4, 2, 1, 0.5, 0.2], (len(times), len(bounds)))
    cumulative = hits.cumsum(axis=1).cumsum(axis=0).astype(float)
    for index, bound in enumerate(bounds):
        yield _one("request_seconds_bucket", {**labels, "le": bound}, times, cumulative[:, index])
    yield _one("request_seconds_sum", labels, times, cumulative[:, -1] * 0.125)
    yield _one("request_seconds_count", labels, times, cumulative[:, -1])


def _one(name: str, labels: dict[str, str], times: np.ndarray, values: np.ndarray) -> Series:
    length = min(len(times), len(values))
    return Series(labels={METRIC_NAME: name, **labels}, timestamps=times[:length], values=values[:length].astype(float))


def _with_gap(times: np.ndarray, random: np.random.Generator) -> np.ndarray:
    first = int(random.integers(20, 180))
    return np.delete(times, slice(first, first + int(random.integers(2, 35))))


def _with_resets(increments: np.ndarray, random: np.random.Generator) -> np.ndarray:
    total = increments.cumsum()
    for at in random.integers(1, len(total), 2):
        total[at:] -= total[at] - increments[at]
    return total
