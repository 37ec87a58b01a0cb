"""What OpenMetrics text cannot carry to a real Prometheus: stale markers; and what every storage must get right."""

from __future__ import annotations

import numpy as np
import pytest

from worlds.promql.engine import Engine
from worlds.promql.memory import MemoryStorage
from worlds.promql.number import format_value
from worlds.promql.result import VectorResult
from worlds.promql.sampling import group_by_stamps, taken
from worlds.promql.storage import METRIC_NAME, STALE_NAN, Matcher, MatchOp, Rows, Series, label_sets

TIMES = 1000 + np.arange(5) * 60.0


def values(engine: Engine, query: str, at: float) -> list[float]:
    answer = engine.instant(query, at=at)
    assert isinstance(answer, VectorResult)
    return [sample.value for sample in answer.samples]


@pytest.fixture
def ended() -> Engine:
    own = {METRIC_NAME: "m", "pod": "a"}
    readings = [1.0, 2.0, 3.0, STALE_NAN, 5.0]
    return Engine(storage=MemoryStorage([Series(labels=own, timestamps=TIMES, values=readings)]))


@pytest.mark.parametrize(
    ("query", "at", "expected"),
    [
        pytest.param("m", 1179, [3.0], id="before the marker the last sample counts"),
        pytest.param("m", 1180, [], id="at the marker the series is gone"),
        pytest.param("m", 1239, [], id="and stays gone"),
        pytest.param("m", 1240, [5.0], id="until the next sample"),
        pytest.param("m", 1540, [5.0], id="a sample five minutes old still counts"),
        pytest.param("m", 1540.001, [], id="an older one does not"),
        pytest.param("count_over_time(m[5m])", 1240, [4.0], id="ranges leave the marker out"),
        pytest.param("sum_over_time(m[5m])", 1240, [11.0], id="so sums are not NaN"),
        pytest.param("absent(m)", 1200, [1.0], id="absent sees it"),
        pytest.param("timestamp(m)", 1179, [1120.0], id="timestamp is the sample's own"),
    ],
)
def test_a_stale_marker_ends_a_series(ended: Engine, query: str, at: float, expected: list[float]) -> None:
    assert values(ended, query, at) == expected


@pytest.mark.parametrize(
    ("matcher", "value", "passes"),
    [
        pytest.param(
            Matcher(name="a", op=MatchOp.REGEX, value="x|y"), "xy", False, id="regular expressions are anchored"
        ),
        pytest.param(Matcher(name="a", op=MatchOp.REGEX, value="x.y"), "x\ny", True, id="a dot matches a line break"),
        pytest.param(Matcher(name="a", op=MatchOp.NOT_REGEX, value="x.*"), "yx", True, id="not matching"),
        pytest.param(
            Matcher(name="a", op=MatchOp.NOT_EQUAL, value=""), "", False, id="a missing label equals the empty string"
        ),
    ],
)
def test_a_matcher_decides(matcher: Matcher, value: str, passes: bool) -> None:
    assert matcher.matches(value) is passes


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1, "0.1"),
        (1.0, "1"),
        (1e21, "1000000000000000000000"),
        (7e-9, "0.000000007"),
        (-0.0, "-0"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Inf"),
        (1.7e308, "17" + "0" * 307),
    ],
)
def test_numbers_are_written_as_go_does(number: float, text: str) -> None:
    assert format_value(number) == text


def test_a_panel_of_200_series_is_the_sum_of_its_parts() -> None:
    times = 1_700_000_000 + np.arange(0, 7200, 15.0)
    random = np.random.default_rng(1)
    storage = MemoryStorage(
        Series(
            labels={METRIC_NAME: "http_requests_total", "pod": f"p{pod}", "code": str(pod % 5)},
            timestamps=times,
            values=random.random(len(times)).cumsum(),
        )
        for pod in range(200)
    )
    engine = Engine(storage=storage)

    def ask(query: str) -> list[list[float]]:
        answer = engine.range(query, start=times[100], end=times[100] + 59 * 60, step=60)
        return [[value for _, value in run.points] for run in answer.runs]

    panel = ask("sum by (code) (rate(http_requests_total[5m]))")
    assert [len(run) for run in panel] == [60] * 5
    for code, run in enumerate(panel):
        parts = [ask(f'rate(http_requests_total{{pod="p{pod}"}}[5m])')[0] for pod in range(code, 200, 5)]
        assert run == pytest.approx(np.sum(parts, axis=0))


def test_rows_are_evaluated_as_the_series_that_they_are() -> None:
    readings = np.arange(15.0).reshape(3, 5)
    labels = [{METRIC_NAME: "m", "row": str(number)} for number in range(3)]
    later = Series(labels={METRIC_NAME: "m", "row": "later"}, timestamps=TIMES + 1, values=[7.0] * 5)
    alone = Series(labels={METRIC_NAME: "m", "row": "alone"}, timestamps=TIMES, values=[8.0] * 5)
    each = [Series(one, TIMES, row) for one, row in zip(labels, readings, strict=True)]
    together = Rows(labels=labels, timestamps=TIMES, values=readings)
    window = {"start": 1_000_000 + 60_000, "end": 1_000_000 + 180_000}
    apart, joined = (group_by_stamps(found, **window) for found in ([*each, later, alone], [together, later, alone]))
    assert [one["row"] for one in label_sets([together, later, alone])] == ["0", "1", "2", "later", "alone"]
    assert [block.labels for block in joined] == [block.labels for block in apart]
    assert [block.values.tolist() for block in joined] == [block.values.tolist() for block in apart]
    assert [block.stamps.tolist() for block in joined] == [[1060_000, 1120_000, 1180_000], [1061_000, 1121_000]]


@pytest.mark.parametrize(
    ("places", "copies"),
    [
        pytest.param([2, 3, 4], False, id="neighbours"),
        pytest.param([0, 3, 6], False, id="every third"),
        pytest.param([5], True, id="one"),
        pytest.param([], True, id="none"),
        pytest.param([0, 0, 1], True, id="one of them twice"),
        pytest.param([4, 3, 2], True, id="backwards"),
        pytest.param([1, 2, 4], True, id="not equally far apart"),
    ],
)
def test_columns_are_copied_only_where_they_do_not_lie_evenly(places: list[int], *, copies: bool) -> None:
    values = np.arange(16.0).reshape(2, 8)
    index = np.array(places, dtype=np.int64)
    found = taken(values, index)
    assert found.tolist() == values[:, index].tolist()
    assert np.shares_memory(found, values) is not copies
