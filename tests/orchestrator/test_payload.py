"""What Alertmanager and others send: everything real is accepted, what is wrong is named, one bad alert loses no other."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.alert import AlertStatus
from orchestrator.intake.errors import Malformed
from orchestrator.intake.fingerprint import fingerprint_of
from orchestrator.intake.payload import MAX_TEXT, parse
from tests.orchestrator.making import body, raw_alert

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def plain(**changes: Any) -> dict[str, Any]:
    return json.loads(body(raw_alert(deployment="checkout"), **changes))


@pytest.mark.parametrize(
    ("labels", "signature"),
    [
        pytest.param({}, 14695981039346656037, id="no labels"),
        pytest.param({"name": "garland, briggs", "fear": "love is not enough"}, 5799056148416392346, id="two labels"),
    ],
)
def test_the_fingerprint_is_alertmanagers(labels: dict[str, str], signature: int) -> None:
    """The figures of prometheus/common, model/signature_test.go."""
    assert int(fingerprint_of(labels), 16) == signature


def test_a_mixed_notification_keeps_each_alerts_own_status() -> None:
    sent = body(raw_alert(pod="a-1", status="resolved"), raw_alert(pod="b-1"), status="firing")
    delivery = parse(sent, now=NOW)
    assert [alert.status for alert in delivery.alerts] == [AlertStatus.RESOLVED, AlertStatus.FIRING]
    assert [alert.ends_at is None for alert in delivery.alerts] == [False, True]
    assert delivery.rejected == ()


def test_alerts_of_the_v2_api_are_taken_as_a_list() -> None:
    listed = [
        {
            **raw_alert(),
            "status": {"state": "suppressed", "silencedBy": ["x"], "inhibitedBy": []},
            "receivers": [],
            "updatedAt": "x",
        }
    ]
    delivery = parse(json.dumps(listed).encode(), now=NOW)
    assert [alert.status for alert in delivery.alerts] == [AlertStatus.FIRING]
    assert delivery.group_key == ""


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        pytest.param(b"", "body", id="nothing"),
        pytest.param(b"{", "body", id="half of JSON"),
        pytest.param(b'"text"', "body", id="a text"),
        pytest.param(b"\xff\xfe", "body", id="no UTF-8"),
        pytest.param(b'{"version": "4", "groupKey": "g", "alerts": [NaN]}', "body", id="NaN is no JSON"),
        pytest.param(b"[" * 100_000, "body", id="nested too deeply"),
        pytest.param(b"{}", "groupKey", id="an empty object"),
        pytest.param(body(alerts="none"), "alerts", id="alerts that are no list"),
        pytest.param(body(version="3"), "version", id="another version"),
        pytest.param(body(truncatedAlerts=-1), "truncatedAlerts", id="a negative count"),
        pytest.param(body({"status": "firing"}), "alerts.0", id="an alert without labels, alone"),
        pytest.param(body(raw_alert(status="on fire")), "alerts.0", id="another status, alone"),
        pytest.param(body(raw_alert(starts_at="yesterday")), "alerts.0", id="no time, alone"),
    ],
)
def test_what_is_no_notification_is_refused_with_the_field(sent: bytes, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(sent, now=NOW)
    assert field in {error.field for error in caught.value.errors}
    assert all(error.problem for error in caught.value.errors)


def test_one_bad_alert_loses_no_other() -> None:
    bad = {**raw_alert(), "startsAt": "tomorrow", "annotations": {"password": "password=hunter2hunter2"}}
    delivery = parse(body(raw_alert(pod="a-1"), bad, raw_alert(pod="b-1"), 7), now=NOW)
    assert len(delivery.alerts) == 2
    assert [(r.position, r.problem.split(":")[0]) for r in delivery.rejected] == [(1, "startsAt"), (3, "body")]
    assert "hunter2" not in delivery.rejected[0].raw


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        pytest.param(
            {"startsAt": "2026-11-21T05:00:00"}, "startsAt had no time zone", id="a naive time is taken as UTC"
        ),
        pytest.param({"startsAt": "2036-01-01T00:00:00Z"}, "lies in the future", id="a time in the future is flagged"),
        pytest.param({"startsAt": "0001-01-01T00:00:00Z"}, "before anything could fire", id="year one is flagged"),
        pytest.param({"status": "resolved", "endsAt": None}, "resolved without endsAt", id="resolved without an end"),
        pytest.param({"fingerprint": ""}, "fingerprint computed", id="no fingerprint"),
        pytest.param({"fingerprint": "not hexadecimal"}, "fingerprint was none", id="something else as fingerprint"),
        pytest.param(
            {"annotations": {"description": "x" * (MAX_TEXT + 1)}}, "characters long", id="an endless annotation is cut"
        ),
    ],
)
def test_odd_alerts_are_taken_and_flagged(change: dict[str, Any], flag: str) -> None:
    [alert] = parse(body({**raw_alert(), "fingerprint": "00000000000000aa", **change}), now=NOW).alerts
    assert any(flag in said for said in alert.flags), alert.flags


def test_go_writes_nanoseconds() -> None:
    [alert] = parse(body(raw_alert(starts_at="2019-03-07T10:51:54.920752028Z")), now=NOW).alerts
    assert alert.starts_at == datetime(2019, 3, 7, 10, 51, 54, 920752, tzinfo=UTC)


def test_values_that_are_no_text_become_text() -> None:
    [alert] = parse(body({**raw_alert(), "labels": {"alertname": "X", "code": 500, "ok": True}}), now=NOW).alerts
    assert alert.labels == {"alertname": "X", "code": "500", "ok": "true"}


def test_secrets_in_annotations_are_redacted_but_the_fingerprint_stays() -> None:
    clean = parse(body(raw_alert()), now=NOW).alerts[0]
    [alert] = parse(
        body({**raw_alert(), "annotations": {"summary": "login with password=hunter2hunter2 failed"}}), now=NOW
    ).alerts
    assert "hunter2" not in alert.annotations["summary"]
    assert alert.fingerprint == clean.fingerprint


def test_the_same_alert_twice_in_one_notification_counts_once_and_resolved_wins() -> None:
    delivery = parse(body(raw_alert(), raw_alert(status="resolved"), raw_alert()), now=NOW)
    assert [alert.status for alert in delivery.alerts] == [AlertStatus.RESOLVED]


def test_unknown_fields_do_no_harm() -> None:
    delivery = parse(body({**raw_alert(), "newField": {"a": 1}}, notificationReason="x"), now=NOW)
    assert len(delivery.alerts) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"])


@given(JSON)
def test_any_json_is_taken_or_refused_but_never_breaks(sent: Any) -> None:
    _taken_or_refused(json.dumps(sent).encode())


@given(
    st.sampled_from(
        ["version", "groupKey", "receiver", "groupLabels", "externalURL", "truncatedAlerts", "alerts", "status"]
    ),
    JSON,
)
def test_any_value_in_the_envelope_is_taken_or_refused(field: str, value: Any) -> None:
    _taken_or_refused(body(**{field: value}))


@given(FIELDS, JSON)
def test_any_value_in_an_alert_loses_no_other_alert(field: str, value: Any) -> None:
    delivery = parse(
        json.dumps(plain(alerts=[raw_alert(pod="good-1"), {**raw_alert(), field: value}])).encode(), now=NOW
    )
    assert [alert.labels.get("pod") for alert in delivery.alerts][:1] == ["good-1"]
    assert len(delivery.alerts) + len(delivery.rejected) in (1, 2)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(sent: bytes) -> None:
    _taken_or_refused(sent)


def _taken_or_refused(sent: bytes) -> None:
    """Anything but Malformed fails the test."""
    with contextlib.suppress(Malformed):
        parse(sent, now=NOW)
