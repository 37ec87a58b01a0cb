"""Reading log lines, and finding the kinds that are new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tools.loki.line import Level, line_of, message_of
from tools.loki.mining import mine

NOW = datetime(2026, 11, 17, 2, 35, tzinfo=UTC)

LEVELS = [
    pytest.param('{"level":"error","msg":"no"}', Level.ERROR, id="JSON with a level"),
    pytest.param('{"severity":"WARNING","message":"hm"}', Level.WARN, id="JSON with a severity"),
    pytest.param('{"level":50,"msg":"no"}', Level.ERROR, id="pino's number for error"),
    pytest.param('{"level":30,"msg":"GET /cart 200"}', Level.INFO, id="pino's number for info"),
    pytest.param('{"level":7,"msg":"no"}', Level.UNKNOWN, id="a number that nobody's levels have"),
    pytest.param('level=error msg="no"', Level.ERROR, id="logfmt"),
    pytest.param('ts=1 lvl=warn msg="hm"', Level.WARN, id="logfmt with a short name"),
    pytest.param('ts=1 severity="fatal" msg="no"', Level.FATAL, id="logfmt with a quoted severity"),
    pytest.param('ts=1 level="ERROR" msg="no"', Level.ERROR, id="logfmt in capitals"),
    pytest.param('SEVERITY=ERROR "no"', Level.ERROR, id="a name in capitals"),
    pytest.param("E1117 02:35:00.1 1 main.go:1] no", Level.ERROR, id="klog"),
    pytest.param("2026-11-17 02:35:00 [WARN] hm", Level.WARN, id="a word in brackets"),
    pytest.param("panic: runtime error: index out of range", Level.FATAL, id="a Go panic"),
    pytest.param("Traceback (most recent call last):", Level.FATAL, id="a Python traceback"),
    pytest.param("the errors are counted in ERRORS.md", Level.UNKNOWN, id="a word that only looks so"),
    pytest.param("listening on :8080", Level.UNKNOWN, id="nothing said"),
]


@pytest.mark.parametrize(("raw", "level"), LEVELS)
def test_levels(raw: str, level: Level) -> None:
    assert line_of(raw, at=NOW).level is level


def test_a_label_of_the_log_system_counts_first() -> None:
    assert line_of("anything", at=NOW, label="error").level is Level.ERROR


def test_structured_lines_are_read_by_message_and_error() -> None:
    line = line_of('{"level":"error","msg":"cannot pay","error":"dial tcp: connection refused","trace":"1"}', at=NOW)
    assert line.text == "cannot pay: dial tcp: connection refused"


def test_a_message_that_names_its_error_does_not_say_it_twice() -> None:
    line = line_of('{"level":"error","msg":"call cards:443: reset by peer","error":"reset by peer"}', at=NOW)
    assert line.text == "call cards:443: reset by peer"


def test_secrets_never_get_past_reading() -> None:
    assert "hunter2" not in line_of("connecting with password=hunter2", at=NOW).text
    assert len(line_of("x" * 10_000, at=NOW).text) == 2000


HEADS = [
    ("2026-11-17T02:34:47.531Z  WARN 1 --- [nio-8080-exec-32] c.o.Server : Request rejected", "Request rejected"),
    ("2026-11-17 02:34:47,123 ERROR cannot pay", "cannot pay"),
    ("[ERROR] cannot pay", "cannot pay"),
    ("cannot pay", "cannot pay"),
    ("2026-11-17T02:34:47Z", "2026-11-17T02:34:47Z"),
]


@pytest.mark.parametrize(("text", "message"), HEADS)
def test_what_a_line_says_without_its_head(text: str, message: str) -> None:
    assert message_of(text) == message


def lines(text: str, *, count: int, start: float, every: float = 10.0, pod: str = "checkout-a") -> list:
    """`count` lines from `start` minutes after the onset; `{i}` is replaced by what varies."""
    first = NOW + timedelta(minutes=start)
    return [
        line_of(text.replace("{i}", str(i * 37)), at=first + timedelta(seconds=i * every), pod=pod)
        for i in range(count)
    ]


def test_new_kinds_come_first_and_are_counted_from_the_onset() -> None:
    known = lines("INFO served request {i} in {i}ms", count=60, start=-30, every=30)
    fresh = lines("ERROR dial tcp 10.0.0.{i}:5432: connect: connection refused", count=12, start=1)
    (first, second) = mine([*known, *fresh], since=NOW)
    assert first.is_new
    assert (first.before, first.after, first.level) == (0, 12, Level.ERROR)
    assert "<IP>" in first.template
    assert first.first_after == NOW + timedelta(minutes=1)
    assert first.pods == ("checkout-a",)
    assert not second.is_new
    assert second.before == 60


def test_the_same_lines_in_any_order_give_the_same_templates() -> None:
    every = [*lines("INFO a {i}", count=20, start=-10), *lines("ERROR b {i} failed", count=5, start=1)]
    assert mine(every, since=NOW) == mine(every[::-1], since=NOW)


REST = lines("INFO served request {i} in {i}ms", count=80, start=-30, every=60)
"""A log that goes on for fifty minutes after the onset."""
END = REST[-1].at


@pytest.mark.parametrize(
    ("said", "stopped"),
    [
        pytest.param(
            lines("ERROR b failed", count=60, start=1, every=10), True, id="every ten seconds for ten minutes"
        ),
        pytest.param(lines("ERROR b failed", count=4, start=1), False, id="too few to tell"),
        pytest.param(
            lines("ERROR b failed", count=6, start=1, every=360), False, id="every six minutes until half past"
        ),
        pytest.param(lines("ERROR b failed", count=289, start=1, every=10), False, id="until a minute before the end"),
        pytest.param(lines("ERROR b failed", count=60, start=40, every=10), False, id="until now"),
    ],
)
def test_a_kind_has_stopped_when_it_came_often_and_the_log_goes_on_long_without_it(said: list, stopped: bool) -> None:
    (kind,) = (one for one in mine([*REST, *said], since=NOW) if one.level is Level.ERROR)
    assert kind.stopped == (said[-1].at if stopped else None)
    assert kind.began == said[0].at


def test_a_log_that_ends_as_a_whole_says_nothing_about_its_kinds() -> None:
    said = lines("ERROR b failed", count=60, start=1, every=10)
    assert [kind.stopped for kind in mine(said, since=NOW)] == [None]


def test_what_first_came_when_reading_was_resumed_may_have_begun_before() -> None:
    resumed = NOW + timedelta(minutes=20)
    read = [line for line in REST if line.at < NOW + timedelta(minutes=5) or line.at >= resumed]
    at_once = lines("ERROR b failed", count=60, start=20.2, every=10)
    later = lines("ERROR c broke", count=60, start=30, every=10)
    over = lines("ERROR d refused", count=24, start=1, every=10)
    kinds = {one.example: one for one in mine([*read, *at_once, *later, *over], since=NOW, resumed=resumed)}
    assert kinds["ERROR b failed"].began is None
    assert kinds["ERROR b failed"].is_new
    assert kinds["ERROR c broke"].began == later[0].at
    assert kinds["ERROR d refused"].stopped == resumed, "when exactly was not read"


def test_nothing_gives_nothing() -> None:
    assert mine([], since=NOW) == ()
