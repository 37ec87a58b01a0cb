"""The evaluator and a real Prometheus answer the same queries over the same samples, and must agree."""

from __future__ import annotations

import math
from collections.abc import Iterator

import httpx
import pytest

from tests.worlds.telemetry.promql.real_prometheus import prometheus_with
from tests.worlds.telemetry.promql.samples import START, build, openmetrics
from worlds.promql.engine import Engine
from worlds.promql.errors import QueryError
from worlds.promql.result import MatrixResult, ScalarResult, StringResult, VectorResult

pytestmark = pytest.mark.prometheus

RELATIVE = 1e-9
INSTANTS = (START + 10.0, START + 1234.567, START + 2700.0, START + 3595.0)
RANGES = ((START + 300, START + 3300, 50.0), (START - 120, START + 4200, 97.3))

QUERIES = (
    # selectors
    "up",
    'http_requests_total{code=~"4..|5..", service!="cart"}',
    'http_requests_total{pod!~".*-[01]"}',
    '{__name__=~"temp.*"}',
    "temperature offset 7m",
    "temperature offset -7m",
    f"temperature @ {START + 1000}",
    "temperature @ start()",
    "temperature @ end() offset 3m",
    "weird",
    "nothing_there",
    # counters
    "rate(http_requests_total[5m])",
    "rate(http_requests_total[37s])",
    "rate(http_requests_total[5m] offset 10m)",
    f"rate(http_requests_total[5m] @ {START + 1800})",
    "irate(http_requests_total[2m])",
    "increase(http_requests_total[10m])",
    "increase(http_requests_total[1h])",
    "resets(http_requests_total[1h])",
    "changes(up[10m])",
    "changes(weird[10m])",
    # gauges
    "delta(temperature[10m])",
    "idelta(temperature[5m])",
    "deriv(memory_bytes[10m])",
    "deriv(temperature[10m])",
    "predict_linear(memory_bytes[20m], 3600)",
    "predict_linear(temperature[10m] offset 5m, 600)",
    "holt_winters(memory_bytes[10m], 0.4, 0.7)",
    # over time
    "avg_over_time(memory_bytes[5m])",
    "min_over_time(weird[5m])",
    "max_over_time(weird[5m])",
    "sum_over_time(up[5m])",
    "sum_over_time(weird[5m])",
    "count_over_time(http_requests_total[5m])",
    "last_over_time(temperature[20m])",
    "present_over_time(temperature[2m])",
    "stddev_over_time(memory_bytes[5m])",
    "stdvar_over_time(temperature[15m])",
    "quantile_over_time(0.9, memory_bytes[10m])",
    "quantile_over_time(0.3, weird[10m])",
    "quantile_over_time(1.5, up[10m])",
    'absent_over_time(temperature{room="b"}[2m])',
    'absent_over_time(nothing_there{a="b",c=~"d"}[2m])',
    # aggregation
    "sum(http_requests_total)",
    "sum by (service, code) (rate(http_requests_total[5m]))",
    "sum without (pod, code) (http_requests_total)",
    "avg by (service) (memory_bytes * on (pod) group_left (node) kube_pod_info)",
    "min by (code) (http_requests_total)",
    "max without (pod) (http_requests_total)",
    "count by (nope) (up)",
    "count(up == 1) by (job)",
    "group by (job) (up)",
    "stddev by (service) (http_requests_total)",
    "stdvar(memory_bytes)",
    "quantile(0.75, memory_bytes)",
    "quantile by (service) (0.5, http_requests_total)",
    "topk(3, memory_bytes)",
    "bottomk by (container) (2, memory_bytes)",
    'topk(3, temperature or weird{kind="nan"})',
    'bottomk(4, weird{kind="nan"} or temperature)',
    "topk(0, up)",
    "topk(scalar(sum(up) or vector(2)), memory_bytes)",
    'count_values("value", up)',
    'count_values by (job) ("v", up)',
    "sum(weird)",
    "max(weird)",
    'avg by (__name__) ({__name__=~"up|temperature"})',
    # binary
    "memory_bytes / 1024 ^ 2",
    "-temperature",
    "2 ^ 3 ^ 2 + 7 % 4",
    "temperature > 0",
    "0 < temperature",
    "temperature > bool 0",
    "up == bool 1",
    "weird != weird",
    "temperature % 3",
    "abs(temperature atan2 2)",
    "1 / (up - up)",
    "http_requests_total / ignoring (code) group_left sum without (code) (http_requests_total)",
    "kube_pod_info * on (pod, namespace) group_right () memory_bytes",
    "memory_bytes > on (pod) (avg by (pod) (avg_over_time(memory_bytes[30m])))",
    "sum by (pod) (memory_bytes) == bool on (pod) sum by (pod) (memory_bytes)",
    'memory_bytes and on (pod) kube_pod_info{node="node-1"}',
    'memory_bytes unless on (pod) kube_pod_info{node="node-1"}',
    'temperature{room="b"} or temperature',
    "temperature > 100 or vector(0)",
    "up and (up == 1)",
    "http_requests_total - http_requests_total offset 5m",
    # histograms
    "histogram_quantile(0.99, sum by (le) (rate(request_seconds_bucket[5m])))",
    "histogram_quantile(0.5, sum by (le, service) (rate(request_seconds_bucket[5m])))",
    "histogram_quantile(0.9, request_seconds_bucket)",
    "histogram_quantile(1.2, request_seconds_bucket)",
    'histogram_quantile(0.9, request_seconds_bucket{le!="+Inf"})',
    "rate(request_seconds_sum[5m]) / rate(request_seconds_count[5m])",
    # functions
    "absent(nothing_there)",
    'absent(nothing_there{job="a",x!="y"})',
    'absent(temperature{room="b"})',
    "absent(sum(nothing_there))",
    "clamp(temperature, -3, 7)",
    "clamp(temperature, 7, -3)",
    "clamp_min(temperature, 1)",
    "clamp_max(weird, 1)",
    "round(temperature)",
    "round(temperature, 0.3)",
    "abs(temperature)",
    "ceil(temperature)",
    "floor(temperature)",
    "exp(temperature)",
    "sqrt(temperature)",
    "ln(temperature)",
    "log2(weird)",
    "log10(memory_bytes)",
    "sgn(weird)",
    "deg(rad(temperature))",
    "sin(temperature) + cosh(temperature)",
    'label_replace(up, "host", "$1-${2}x", "instance", "(.*):(.*)")',
    'label_replace(up, "host", "", "job", ".*")',
    'label_join(up, "both", "/", "job", "instance")',
    "time()",
    "time() - timestamp(temperature)",
    "timestamp(temperature offset 1m)",
    "timestamp(temperature + 1)",
    "vector(1)",
    'scalar(temperature{room="a"})',
    "scalar(up)",
    "pi()",
    "sort(memory_bytes)",
    "sort_desc(temperature)",
    "hour()",
    "day_of_week(vector(1.4e9)) + day_of_month(vector(1.4e9)) + month(vector(1.4e9)) + year(vector(1.4e9))",
    "minute(memory_bytes * 100)",
    "days_in_month(temperature * 1e7)",
    "day_of_year(vector(1709251199))",
    # subqueries
    "max_over_time(rate(http_requests_total[1m])[10m:30s])",
    "avg_over_time(sum(rate(http_requests_total[5m]))[20m:])",
    "min_over_time((temperature > 0)[15m:1m])",
    "sum_over_time(temperature[10m:45s] offset 3m)",
    f"max_over_time(temperature[10m:45s] @ {START + 2000})",
    "count_over_time(vector(1)[10m:33s])",
    "deriv(sum(memory_bytes)[10m:30s])",
    "rate(http_requests_total[10m:1m])",
    "max_over_time(avg_over_time(temperature[2m])[10m:1m])",
)

ERRORS = (
    "topk(scalar(up), memory_bytes)",
    'http_requests_total / http_requests_total{pod="cart-0"} / on (service) memory_bytes',
    "http_requests_total * on (pod) memory_bytes",
    "memory_bytes * on (namespace) kube_pod_info",
    "kube_pod_info + on (namespace) group_left memory_bytes",
    'label_replace(memory_bytes, "pod", "same", "pod", ".*")',
    '-{__name__=~"request_seconds_sum|request_seconds_count"}',
    'rate({__name__=~"request_seconds_sum|request_seconds_count"}[5m])',
    'label_replace(up, "0bad", "x", "job", ".*")',
    'label_replace(up, "ok", "x", "job", "(")',
    "sum(",
    "rate(up)",
    'up{job=~"("}',
    "1 == 1",
    "nope(up)",
    "{}",
)

STORAGE = build()
ENGINE = Engine(storage=STORAGE)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus_with(openmetrics(STORAGE), folder=folder) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("query", QUERIES)
def test_instant_queries_agree(real: httpx.Client, query: str) -> None:
    for at in INSTANTS:
        theirs = real.post("/api/v1/query", data={"query": query, "time": str(at)}).json()
        assert theirs["status"] == "success", theirs
        ours = ENGINE.instant(query, at=at)
        match ours:
            case ScalarResult() | StringResult():
                assert theirs["data"]["resultType"] == "scalar"
                assert_close([(ours.time, float(ours.value))], points([theirs["data"]["result"]]), query)
            case VectorResult():
                assert theirs["data"]["resultType"] == "vector"
                mine = [(key(sample.labels), [(sample.time, sample.value)]) for sample in ours.samples]
                compare(mine, [(key(one["metric"]), points([one["value"]])) for one in theirs["data"]["result"]], query)
            case MatrixResult():
                raise AssertionError("no query of the table is a range vector")


@pytest.mark.parametrize("query", QUERIES)
def test_range_queries_agree(real: httpx.Client, query: str) -> None:
    for start, end, step in RANGES:
        form = {"query": query, "start": str(start), "end": str(end), "step": str(step)}
        theirs = real.post("/api/v1/query_range", data=form).json()
        assert theirs["status"] == "success", theirs
        ours = ENGINE.range(query, start=start, end=end, step=step)
        mine = [(key(run.labels), list(run.points)) for run in ours.runs]
        compare(mine, [(key(one["metric"]), points(one["values"])) for one in theirs["data"]["result"]], "range")


@pytest.mark.parametrize("query", ["http_requests_total[2m]", "temperature[10m:1m] offset 5m", "(weird[1m])"])
def test_range_vectors_are_returned_raw(real: httpx.Client, query: str) -> None:
    for at in INSTANTS:
        theirs = real.get("/api/v1/query", params={"query": query, "time": str(at)}).json()
        ours = ENGINE.instant(query, at=at)
        assert isinstance(ours, MatrixResult)
        mine = [(key(run.labels), list(run.points)) for run in ours.runs]
        compare(mine, [(key(one["metric"]), points(one["values"])) for one in theirs["data"]["result"]], "range")


@pytest.mark.parametrize("query", ERRORS)
def test_what_prometheus_refuses_is_refused_in_the_same_way(real: httpx.Client, query: str) -> None:
    theirs = real.get("/api/v1/query", params={"query": query, "time": str(START + 1800)})
    assert theirs.json()["status"] == "error", theirs.json()
    with pytest.raises(QueryError) as refusal:
        ENGINE.instant(query, at=START + 1800)
    expected = {400: "ParseError", 422: "ExecutionError"}[theirs.status_code]
    assert type(refusal.value).__name__ == expected, (theirs.json()["error"], str(refusal.value))


def key(labels: object) -> tuple[tuple[str, str], ...]:
    assert hasattr(labels, "items")
    return tuple(sorted(labels.items()))


def points(pairs: list[list[object]]) -> list[tuple[float, float]]:
    return [(float(str(time)), float(str(value))) for time, value in pairs]


Keyed = list[tuple[tuple[tuple[str, str], ...], list[tuple[float, float]]]]


def compare(ours: Keyed, theirs: Keyed, query: str) -> None:
    if query.startswith(("sort", "topk", "bottomk")) and " by " not in query:
        assert [labels for labels, _ in ours] == [labels for labels, _ in theirs], "the order matters here"
    assert dict(ours).keys() == dict(theirs).keys()
    assert len(ours) == len(theirs)
    expected = dict(theirs)
    for labels, mine in ours:
        assert_close(mine, expected[labels], f"{query} {labels}")


def assert_close(ours: list[tuple[float, float]], theirs: list[tuple[float, float]], where: str) -> None:
    assert [round(time, 3) for time, _ in ours] == [round(time, 3) for time, _ in theirs], where
    for (time, mine), (_, real) in zip(ours, theirs, strict=True):
        same = (math.isnan(mine) and math.isnan(real)) or mine == real
        assert same or math.isclose(mine, real, rel_tol=RELATIVE, abs_tol=1e-12), f"{where} at {time}: {mine} != {real}"
