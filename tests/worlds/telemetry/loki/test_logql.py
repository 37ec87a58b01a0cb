"""LogQL by tables: what a query answers over a handful of lines."""

from __future__ import annotations

import pytest

from worlds.loki.engine import LogEngine, StreamsResult
from worlds.loki.errors import LogQLError
from worlds.loki.memory import MemoryLogStorage
from worlds.loki.storage import Direction, Entry
from worlds.promql.result import MatrixResult

S = 1_000_000_000
T0 = 1_700_000_000 * S

WEB = {"namespace": "shop", "app": "web", "pod": "web-1"}
API = {"namespace": "shop", "app": "api", "pod": "api-1"}
LINES = [
    (WEB, 0, "GET /cart 200 12ms"),
    (WEB, 10, "GET /cart 500 1.5s error: upstream timed out"),
    (WEB, 20, 'level=error msg="out of memory" duration=250ms size=2MB'),
    (WEB, 30, "level=info msg=ok duration=50ms size=10KB"),
    (API, 5, '{"level":"error","status":503,"took":0.25,"req":{"path":"/pay"},"tags":["a"]}'),
    (API, 15, '{"level":"info","status":200,"took":0.05,"req":{"path":"/pay"},"app":"inner"}'),
    (API, 25, "not json \x1b[31mred\x1b[0m"),
]
ENGINE = LogEngine(
    storage=MemoryLogStorage(Entry(labels=labels, ns=T0 + at * S, line=line) for labels, at, line in LINES)
)


def lines(query: str, *, limit: int = 100, direction: Direction = Direction.FORWARD) -> list[str]:
    answer = ENGINE.range(query, start_ns=T0, end_ns=T0 + 60 * S, step_ns=S, limit=limit, direction=direction)
    assert isinstance(answer, StreamsResult)
    found = sorted((ns, line) for stream in answer.streams for ns, line in stream.lines)
    return [line for _, line in found]


def metric(query: str, *, at: int = 60) -> dict[tuple[tuple[str, str], ...], float]:
    answer = ENGINE.instant(query, at_ns=T0 + at * S)
    return {tuple(sorted(sample.labels.items())): sample.value for sample in answer.samples}


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        pytest.param('{app="web"}', [0, 1, 2, 3], id="a selector alone gives every line of its streams"),
        pytest.param('{app=~"web|api", pod!="api-1"}', [0, 1, 2, 3], id="matchers are combined"),
        pytest.param('{namespace="shop"} |= "error"', [4, 1, 2], id="|= keeps lines with the text"),
        pytest.param('{namespace="shop"} != "error" != "level"', [0, 6], id="!= drops lines with the text"),
        pytest.param('{app="web"} |~ "5\\\\d\\\\d "', [1], id="|~ searches a regular expression"),
        pytest.param('{app="web"} |~ `(?i)GET.*200`', [0], id="a raw string needs no escapes"),
        pytest.param('{app="web"} !~ "GET|info"', [2], id="!~ drops what matches"),
        pytest.param('{app="web"} |= "memory" or "upstream"', [1, 2], id="texts joined by or"),
        pytest.param('{app="api"} | json | status >= 500', [4], id="json fields compare as numbers"),
        pytest.param(
            '{app="api"} | json | req_path="/pay" and level="info"', [5], id="nested json fields are joined by _"
        ),
        pytest.param('{app="api"} | json | __error__=""', [4, 5], id="a line that is no json is marked"),
        pytest.param('{app="api"} | json | app_extracted="inner"', [5], id="a name that exists is not overwritten"),
        pytest.param('{app="api"} | json code="status", p="req.path" | code = 503', [4], id="json picks named fields"),
        pytest.param('{app="web"} | logfmt | duration > 100ms', [2], id="durations compare as durations"),
        pytest.param('{app="web"} | logfmt | size < 1MB', [3], id="sizes compare as sizes"),
        pytest.param('{app="web"} | logfmt | msg="out of memory" or msg="ok"', [2, 3], id="or between conditions"),
        pytest.param(
            '{app="web"} | logfmt | (level="error" or level="info"), duration<=50ms', [3], id="a comma means and"
        ),
        pytest.param('{app="web"} | regexp "(?P<code>\\\\d{3}) " | code="500"', [1], id="named groups become labels"),
        pytest.param(
            '{app="web"} | pattern "<method> <path> <code> <_>" | code="500"', [1], id="patterns become labels"
        ),
        pytest.param(
            '{app="web"} | pattern "<_> <_> <code> <_>" | code>=500 | __error__=""',
            [1],
            id="what is no number is marked",
        ),
        pytest.param('{app="web"} | logfmt | drop level, msg | level=""', [0, 1, 2, 3], id="dropped labels are gone"),
        pytest.param('{app="web"} # a comment\n |= "info"', [3], id="comments are skipped"),
    ],
)
def test_a_log_query_keeps(query: str, positions: list[int]) -> None:
    assert lines(query) == [LINES[position][2] for position in sorted(positions, key=lambda one: LINES[one][1])]


def test_formats_rewrite_lines_and_labels() -> None:
    assert lines('{app="api"} | json | level="error" | line_format "{{.status}} on {{ .req_path }}"') == ["503 on /pay"]
    assert lines('{app="api"} |= "red" | decolorize') == ["not json red"]
    answer = ENGINE.range(
        '{app="web"} | logfmt | level="error" | label_format sev=level, where="{{.pod}}!" | keep sev, where',
        start_ns=T0, end_ns=T0 + 60 * S, step_ns=S, limit=10, direction=Direction.BACKWARD,
    )  # fmt: skip
    assert isinstance(answer, StreamsResult)
    assert [stream.labels for stream in answer.streams] == [{"sev": "error", "where": "web-1!"}]


def test_the_limit_takes_the_newest_lines_backward_and_the_oldest_forward() -> None:
    assert lines('{namespace="shop"}', limit=2) == [LINES[0][2], LINES[4][2]]
    assert lines('{namespace="shop"}', limit=2, direction=Direction.BACKWARD) == [LINES[6][2], LINES[3][2]]
    assert lines('{namespace="shop"} |= "error"', limit=1, direction=Direction.BACKWARD) == [LINES[2][2]]


def test_the_end_is_not_part_of_a_log_query() -> None:
    answer = ENGINE.range(
        '{app="web"}', start_ns=T0, end_ns=T0 + 10 * S, step_ns=S, limit=9, direction=Direction.FORWARD
    )
    assert isinstance(answer, StreamsResult)
    assert answer.streams[0].lines == [(T0, LINES[0][2])]


@pytest.mark.parametrize(
    ("query", "at", "expected"),
    [
        pytest.param('sum(count_over_time({namespace="shop"}[1m]))', 60, {(): 6.0}, id="a window is open on the left"),
        pytest.param('sum(count_over_time({namespace="shop"}[1m]))', 59, {(): 7.0}, id="and closed on the right"),
        pytest.param('count_over_time({app="web"} |= "error" [30s])', 30, {tuple(sorted(WEB.items())): 2.0}, id="filters apply"),
        pytest.param('count_over_time({app="web"}[30s] |= "error")', 30, {tuple(sorted(WEB.items())): 2.0}, id="the range may come first"),
        pytest.param('sum by (app) (rate({namespace="shop"}[50s]))', 40, {(("app", "api"),): 0.06, (("app", "web"),): 0.08}, id="rate is per second"),
        pytest.param('sum(bytes_over_time({app="web"} |= "GET" [1m]))', 50, {(): 62.0}, id="bytes are counted"),
        pytest.param('sum(bytes_rate({app="web"} |= "GET" [62s]))', 50, {(): 1.0}, id="bytes per second"),
        pytest.param('sum by (level) (count_over_time({app="api"} | json | __error__="" [1m]))', 50, {(("level", "error"),): 1.0, (("level", "info"),): 1.0}, id="parsed labels group"),
        pytest.param('sum by (app) (sum_over_time({app="api"} |= "{" | json | unwrap took [1m]))', 50, {(("app", "api"),): 0.3}, id="unwrap takes a label's number"),
        pytest.param('max_over_time({app="web"} | logfmt | duration != "" | unwrap duration(duration) [1m]) by (app)', 50, {(("app", "web"),): 0.25}, id="unwrap converts durations"),
        pytest.param('quantile_over_time(0.5, {app="api"} |= "{" | json | unwrap took [1m]) by (app)', 50, {(("app", "api"),): 0.15}, id="quantiles interpolate"),
        pytest.param('absent_over_time({app="nope"}[1m])', 50, {(("app", "nope"),): 1.0}, id="absence has the selector's labels"),
        pytest.param('topk(1, sum by (app) (count_over_time({namespace="shop"}[1m])))', 50, {(("app", "web"),): 4.0}, id="topk"),
        pytest.param('sum(rate({app="web"}[1m])) / sum(rate({namespace="shop"}[1m]))', 50, {(): 4 / 7}, id="vectors divide"),
        pytest.param('sum by (app) (count_over_time({namespace="shop"}[1m])) > 3', 59, {(("app", "web"),): 4.0}, id="comparisons filter"),
        pytest.param('sum(count_over_time({app="nope"}[1m])) or vector(0)', 50, {(): 0.0}, id="a default for nothing"),
        pytest.param('sum(count_over_time({app="web"}[10s] offset 30s))', 60, {(): 1.0}, id="offset looks back"),
        pytest.param('2 * sum(count_over_time({app="web"}[1m])) ^ 2 - 1', 59, {(): 31.0}, id="operators bind as usual"),
    ],
)  # fmt: skip
def test_a_metric_query_answers(query: str, at: int, expected: dict[object, float]) -> None:
    assert metric(query, at=at) == pytest.approx(expected)


def test_a_metric_query_over_a_range_gives_one_point_per_step() -> None:
    answer = ENGINE.range(
        'sum(count_over_time({app="web"}[10s]))',
        start_ns=T0, end_ns=T0 + 40 * S, step_ns=10 * S, limit=1, direction=Direction.FORWARD,
    )  # fmt: skip
    assert isinstance(answer, MatrixResult)
    seconds = T0 / S
    assert answer.runs[0].points == [(seconds + 10 * step, 1.0) for step in range(4)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("{}", "at least one regexp or equality matcher", id="a selector that matches everything"),
        pytest.param(
            '{app=~".*"}', "at least one regexp or equality matcher", id="an expression that matches nothing too"
        ),
        pytest.param('{app="web"', "line 1, col 11: syntax error: unexpected $end", id="an open brace"),
        pytest.param('{app="web"} |= 5', "col 16: syntax error: unexpected NUMBER", id="a filter without a string"),
        pytest.param('{app="web"} |~ "("', "error parsing regexp", id="a bad regular expression"),
        pytest.param('rate({app="web"})', "unexpected )", id="a rate without a range"),
        pytest.param('sum_over_time({app="web"}[1m])', "without unwrap", id="a sum of nothing"),
        pytest.param('{app="web"} | nope', "unexpected $end", id="a stage that does not exist"),
        pytest.param(
            'sum(count_over_time({app="api"} | json [1m]))', "JSONParserErr", id="a line that cannot be parsed"
        ),
        pytest.param('{app="web"}', "log queries are not supported as an instant query", id="a log query at one time"),
        pytest.param('{app="web"} ;', "unexpected ';'", id="a strange character"),
    ],
)
def test_what_cannot_be_answered_is_refused(query: str, message: str) -> None:
    with pytest.raises(LogQLError) as refusal:
        ENGINE.instant(query, at_ns=T0 + 60 * S)
    assert message in str(refusal.value)
