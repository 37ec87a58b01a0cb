"""Alertmanager's decisions as tables: where an alert goes, when a group is told again, what a silence becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worlds.alertmanager.alert import fingerprint
from worlds.alertmanager.config import load_config
from worlds.alertmanager.journal import Told, why_notify
from worlds.alertmanager.matchers import MatcherFormatError, parse_matcher
from worlds.alertmanager.routing import destinations
from worlds.alertmanager.silence import SilenceBook, SilenceError, SilenceRequest, SilenceState
from worlds.promql.storage import Matcher, MatchOp

T0 = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
HOUR = timedelta(hours=1)

CONFIG = """
route:
  receiver: default
  group_by: [alertname]
  group_wait: 10s
  routes:
  - matchers: [team="a"]
    receiver: team-a
    continue: true
    routes:
    - matchers: [severity=~"critical|page", env!="dev"]
      group_by: [alertname, pod]
      group_wait: 0s
  - matchers: ['team=~"a|b"']
    receiver: everyone
    group_by: ['...']
receivers: [{name: default}, {name: team-a}, {name: everyone}]
"""


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, [("default", '{}:{alertname="X"}')], id="what nothing matches stays at the root"),
        pytest.param({"team": "b"}, [("everyone", '{}/{team=~"a|b"}:{alertname="X", team="b"}')], id="a matching child takes it, grouped by all labels"),
        pytest.param({"team": "a"}, [("team-a", '{}/{team="a"}:{alertname="X"}'), ("everyone", '{}/{team=~"a|b"}:{alertname="X", team="a"}')], id="continue lets siblings have it too"),
        pytest.param({"team": "a", "severity": "page", "pod": "p"}, [("team-a", '{}/{team="a"}/{severity=~"critical|page",env!="dev"}:{alertname="X", pod="p"}'), ("everyone", '{}/{team=~"a|b"}:{alertname="X", pod="p", severity="page", team="a"}')], id="the deepest node wins and inherits"),
    ],
)  # fmt: skip
def test_an_alert_is_routed(labels: dict[str, str], expected: list[tuple[str, str]]) -> None:
    own = {"alertname": "X", **labels}
    found = destinations(own, load_config(CONFIG).route)
    assert [(one.receiver, one.group_key(own)) for one in found] == expected


def test_timers_are_inherited_and_overridden() -> None:
    (leaf, _) = destinations({"team": "a", "severity": "page"}, load_config(CONFIG).route)
    assert (leaf.group_wait, leaf.group_interval) == (timedelta(0), timedelta(minutes=5))


TOLD = Told(at=T0, firing={"a", "b"}, resolved={"z"})


@pytest.mark.parametrize(
    ("told", "firing", "resolved", "later", "reason"),
    [
        pytest.param(None, {"a"}, set(), 0, "first notification", id="a new group is told"),
        pytest.param(None, set(), {"a"}, 0, "", id="what was never told need not be resolved"),
        pytest.param(TOLD, {"a", "b"}, set(), 30, "", id="nothing new, nothing told"),
        pytest.param(TOLD, {"a", "c"}, set(), 30, "new alerts joined", id="a new alert is told"),
        pytest.param(TOLD, {"a"}, {"b"}, 30, "some alerts resolved", id="a resolved one is told"),
        pytest.param(TOLD, {"a"}, set(), 30, "", id="one that vanished silently is not"),
        pytest.param(TOLD, set(), {"a", "b"}, 30, "everything resolved", id="the end is told"),
        pytest.param(Told(at=T0, firing=set(), resolved={"a"}), set(), {"b"}, 30, "", id="fired and resolved in between is not"),
        pytest.param(TOLD, {"a", "b"}, set(), 61, "repeat interval passed", id="repeated after an hour"),
    ],
)  # fmt: skip
def test_a_group_is_told_again(
    told: Told | None, firing: set[str], resolved: set[str], later: int, reason: str
) -> None:
    answer = why_notify(
        told,
        firing=firing,
        resolved=resolved,
        send_resolved=True,
        repeat_interval=HOUR,
        now=T0 + timedelta(minutes=later),
    )
    assert answer == reason


def request(**changes: object) -> SilenceRequest:
    values: dict[str, object] = {
        "id": "",
        "matchers": (Matcher(name="a", op=MatchOp.EQUAL, value="b"),),
        "starts_at": T0,
        "ends_at": T0 + HOUR,
        "created_by": "me",
        "comment": "why",
    }
    return SilenceRequest(**{**values, **changes})  # type: ignore[arg-type]


def book() -> SilenceBook:
    ids = iter("123")
    return SilenceBook(new_id=lambda: next(ids))


def test_a_silence_mutes_only_while_it_is_active() -> None:
    silences = book()
    silences.put(request(starts_at=T0 + HOUR, ends_at=T0 + 2 * HOUR), now=T0)
    assert [silences.muting({"a": "b"}, now=T0 + minutes * HOUR / 60) for minutes in (0, 60, 119, 120)] == [
        [],
        ["1"],
        ["1"],
        [],
    ]
    assert silences.muting({"a": "c"}, now=T0 + HOUR) == []


def test_extending_an_active_silence_keeps_its_id_and_changing_its_matchers_does_not() -> None:
    silences = book()
    silences.put(request(), now=T0)
    assert silences.put(request(id="1", ends_at=T0 + 3 * HOUR), now=T0) == "1"
    other = (Matcher(name="x", op=MatchOp.EQUAL, value="y"),)
    assert silences.put(request(id="1", matchers=other), now=T0) == "2"
    assert [one.state(T0) for one in silences.all()] == [SilenceState.EXPIRED, SilenceState.ACTIVE]


def test_expiring_twice_is_harmless_and_an_expired_silence_comes_back_under_a_new_id() -> None:
    silences = book()
    silences.put(request(), now=T0)
    silences.expire("1", now=T0 + HOUR / 2)
    silences.expire("1", now=T0 + HOUR)
    assert silences.get("1").ends_at == T0 + HOUR / 2
    assert silences.put(request(id="1", ends_at=T0 + 2 * HOUR), now=T0 + HOUR) == "2"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"ends_at": T0}, "start time must be before end time", id="no length"),
        pytest.param({"starts_at": T0 - 2 * HOUR, "ends_at": T0 - HOUR}, "end time can't be in the past", id="over"),
        pytest.param({"matchers": (Matcher(name="a", op=MatchOp.REGEX, value=".*"),)}, "must not match the empty string", id="matching everything"),
    ],
)  # fmt: skip
def test_a_silence_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SilenceError, match=message):
        book().put(request(**changes), now=T0)


@pytest.mark.parametrize(
    ("text", "written"),
    [('a="b"', 'a="b"'), (" a != b ", 'a!="b"'), ('a=~"x|\\"y"', 'a=~"x|\\"y"'), ("a!~`", 'a!~"`"')],
)
def test_matchers_are_read_quoted_and_bare(text: str, written: str) -> None:
    assert str(parse_matcher(text)) == written


@pytest.mark.parametrize("text", ["", "a", "a b=c", 'a="b', 'a=~"("'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(MatcherFormatError):
        parse_matcher(text)


def test_the_fingerprint_is_that_of_prometheus_common() -> None:
    assert fingerprint({}) == "cbf29ce484222325"
    assert fingerprint({"a": "b", "c": "d"}) == fingerprint({"c": "d", "a": "b"}) != fingerprint({"a": "bc", "d": ""})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("route: {receiver: x}\nreceivers: []", 'undefined receiver "x"'),
        ("route: {}\nreceivers: []", "root route must specify a default receiver"),
        ("route: {receiver: x, matchers: ['a=b']}\nreceivers: [{name: x}]", "root route must not have any matchers"),
        ("route: {receiver: x, group_wait: soon}\nreceivers: [{name: x}]", "not a valid duration"),
        ("route: {receiver: x, group_wiat: 5s}\nreceivers: [{name: x}]", "group_wiat"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_config(text)
