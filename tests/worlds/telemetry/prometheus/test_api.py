"""The served Prometheus over HTTP: answered like a real one where one is there, and in its own words everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.worlds.telemetry.promql.real_prometheus import prometheus_with
from tests.worlds.telemetry.promql.samples import START, build, openmetrics
from worlds.prometheus.api import app
from worlds.prometheus.encoding import encode_result
from worlds.prometheus.evaluator import RuleEvaluator
from worlds.prometheus.rules import load_rules
from worlds.promql.result import MatrixResult, Run, ScalarResult
from worlds.sources import Sources

RULES = """
groups:
- name: estate
  interval: 30s
  rules:
  - {record: 'job:up:sum', expr: sum by (job) (up)}
  - {alert: SomeDown, expr: 'job:up:sum < 3', for: 1m, labels: {severity: warning}, annotations: {summary: '{{ $labels.job }}'}}
  - {alert: Broken, expr: 'up + on (job) up'}
"""
NOW = START + 3000


@pytest.fixture(scope="module")
def rules() -> RuleEvaluator:
    return RuleEvaluator(load_rules(RULES), storage=build(), start=datetime.fromtimestamp(START, UTC))


@pytest.fixture
async def ours(rules: RuleEvaluator) -> AsyncIterator[httpx.AsyncClient]:
    now = datetime.fromtimestamp(NOW, UTC)
    rules.step(now)
    served = httpx.ASGITransport(Sources({"prometheus": lambda: app(rules, lambda: now)}))
    async with httpx.AsyncClient(transport=served, base_url="http://world/prometheus") as client:
        yield client


@pytest.fixture(scope="module")
def real_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with prometheus_with(openmetrics(build()), folder=folder) as url:
        yield url


@pytest.fixture
async def theirs(real_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=real_url, timeout=30) as client:
        yield client


WINDOW = {"start": str(START), "end": str(START + 3600)}
ALIKE = {
    "series of two selectors": ("series", {"match[]": ["up", 'temperature{room!="b"}'], **WINDOW}),
    "series in a window without samples": ("series", {"match[]": "up", "start": "1", "end": "2"}),
    "label names of a metric": ("labels", {"match[]": "request_seconds_bucket", **WINDOW}),
    "values of a label": ("label/room/values", {"match[]": "temperature", **WINDOW}),
    "names of metrics": ("label/__name__/values", {"match[]": '{__name__=~"request_.*|up"}', **WINDOW}),
    "values of an unknown label": ("label/nope/values", WINDOW),
    "an instant vector": ("query", {"query": "sort(up)", "time": str(START + 700.25)}),
    "a time in RFC 3339": ("query", {"query": "time()", "time": "2023-11-14T22:30:00.5Z"}),
    "a string": ("query", {"query": '"words"', "time": str(START)}),
    "a range with a step in words": ("query_range", {"query": "sum(up)", **WINDOW, "step": "5m"}),
    "extreme numbers": ("query_range", {"query": 'weird{kind="mixed"}', "start": str(START), "end": str(START + 900), "step": "15"}),
}  # fmt: skip
REFUSED = {
    "no query": ("query", {}),
    "a query that does not parse": ("query", {"query": "sum(", "time": "1"}),
    "a time that is none": ("query", {"query": "up", "time": "soon"}),
    "no start": ("query_range", {"query": "up", "end": "1", "step": "1"}),
    "an end before the start": ("query_range", {"query": "up", "start": "2", "end": "1", "step": "1"}),
    "a step of zero": ("query_range", {"query": "up", "start": "1", "end": "2", "step": "0"}),
    "a step that is none": ("query_range", {"query": "up", "start": "1", "end": "2", "step": "often"}),
    "more than 11,000 points": ("query_range", {"query": "up", "start": "0", "end": "11001", "step": "1"}),
    "a range over a range": ("query_range", {"query": "up[5m]", "start": "0", "end": "10", "step": "1"}),
    "an ambiguous match": ("query", {"query": "up * on (job) up", "time": str(START + 900)}),
    "series without a selector": ("series", {}),
    "series of a bad selector": ("series", {"match[]": "up{"}),
    "a bad label name": ("label/0bad/values", {}),
    "a filter of rules that is none": ("rules", {"type": "nope"}),
}
SAME_WORDS = frozenset(REFUSED) - {"a query that does not parse", "no query", "series of a bad selector", "an ambiguous match", "a range over a range"}  # fmt: skip


@pytest.mark.prometheus
@pytest.mark.parametrize("sentence", ALIKE)
async def test_is_answered_alike(ours: httpx.AsyncClient, theirs: httpx.AsyncClient, sentence: str) -> None:
    path, form = ALIKE[sentence]
    expected = await theirs.get(f"/api/v1/{path}", params=form)
    got = await ours.get(f"/api/v1/{path}", params=form)
    assert got.json() == expected.json()
    assert got.status_code == expected.status_code == 200


@pytest.mark.prometheus
@pytest.mark.parametrize("sentence", REFUSED)
async def test_is_refused_alike(ours: httpx.AsyncClient, theirs: httpx.AsyncClient, sentence: str) -> None:
    path, form = REFUSED[sentence]
    expected = await theirs.get(f"/api/v1/{path}", params=form)
    got = await ours.get(f"/api/v1/{path}", params=form)
    assert (got.status_code, got.json()["errorType"]) == (expected.status_code, expected.json()["errorType"])
    if sentence in SAME_WORDS:
        assert got.json()["error"] == expected.json()["error"]


async def test_a_form_is_read_as_well_as_the_url(ours: httpx.AsyncClient) -> None:
    form = {"query": "count(up)", "time": str(START + 900)}
    posted = await ours.post("/api/v1/query", data=form)
    assert posted.json()["data"]["result"] == [{"metric": {}, "value": [START + 900, "9"]}]
    assert (await ours.get("/api/v1/query", params=form)).json() == posted.json()


async def test_rules_show_state_health_and_alerts(ours: httpx.AsyncClient) -> None:
    (group,) = (await ours.get("/api/v1/rules")).json()["data"]["groups"]
    recording, alerting, broken = group["rules"]
    assert (group["name"], group["interval"]) == ("estate", 30)
    assert (recording["type"], recording["health"]) == ("recording", "ok")
    assert (alerting["type"], alerting["duration"]) == ("alerting", 60)
    assert alerting["state"] == "firing"
    assert all(alert["labels"]["severity"] == "warning" for alert in alerting["alerts"])
    assert broken["health"] == "err"
    assert "many-to-many" in broken["lastError"]
    only = (await ours.get("/api/v1/rules", params={"type": "record"})).json()["data"]["groups"][0]["rules"]
    assert [rule["name"] for rule in only] == ["job:up:sum"]


async def test_alerts_are_series_too(ours: httpx.AsyncClient) -> None:
    shown = (await ours.get("/api/v1/alerts")).json()["data"]["alerts"]
    stored = (await ours.get("/api/v1/query", params={"query": "ALERTS"})).json()["data"]["result"]
    as_series = [
        {**alert["labels"], "__name__": "ALERTS", "alertstate": alert["state"]}
        for alert in shown
    ]  # fmt: skip
    assert shown
    assert sorted(as_series, key=str) == sorted((one["metric"] for one in stored), key=str)


async def test_recorded_series_are_served_with_the_rest(ours: httpx.AsyncClient) -> None:
    query = "job:up:sum == bool sum by (job) (up)"
    result = (await ours.get("/api/v1/query", params={"query": query})).json()["data"]["result"]
    assert [one["value"][1] for one in result] == ["1", "1", "1"]
    names = (await ours.get("/api/v1/label/__name__/values")).json()["data"]
    assert {"ALERTS", "job:up:sum", "up"} <= set(names)


async def test_targets_come_from_up(ours: httpx.AsyncClient) -> None:
    targets = (await ours.get("/api/v1/targets")).json()["data"]["activeTargets"]
    up = (await ours.get("/api/v1/query", params={"query": "up"})).json()["data"]["result"]
    healthy = {(one["metric"]["job"], one["metric"]["instance"]): one["value"][1] == "1" for one in up}
    assert {
        (one["labels"]["job"], one["labels"]["instance"]): one["health"] == "up" for one in targets
    } == healthy  # fmt: skip
    assert len(targets) == 9


async def test_readiness_and_build(ours: httpx.AsyncClient) -> None:
    assert (await ours.get("/-/ready")).status_code == 200
    assert (await ours.get("/api/v1/status/buildinfo")).json()["data"]["version"] == "2.42.0"


def test_a_clock_that_jumps_gives_the_same_alerts_as_one_that_creeps() -> None:
    def posted(step: timedelta) -> list[tuple[object, ...]]:
        start = datetime.fromtimestamp(START, UTC)
        evaluator = RuleEvaluator(load_rules(RULES), storage=build(), start=start)
        now, found = start, []
        while now < start + timedelta(minutes=50):
            now += step
            found += [(one.labels["job"], one.starts_at, one.ends_at) for one in evaluator.step(now)]
        return found

    creeping = posted(timedelta(seconds=10))
    assert creeping
    assert posted(timedelta(minutes=10)) == creeping


@pytest.mark.parametrize("odd", [0.5, 1e-7, 1e-5, 2.5e21, 1e16, float("nan"), float("inf"), -float("inf")])
def test_many_values_are_written_as_each_of_them(odd: float) -> None:
    values = [0.0, -0.0, 3.0, 0.1, -12.25, 100.0, odd]
    runs = [Run(labels={}, times=[float(at) for at in range(len(values))], values=values)]
    written = encode_result(MatrixResult(runs=runs))
    alone = [encode_result(ScalarResult(time=float(at), value=value)) for at, value in enumerate(values)]
    assert written == {
        "resultType": "matrix",
        "result": [{"metric": {}, "values": [tuple(one["result"]) for one in alone]}],
    }
