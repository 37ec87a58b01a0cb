"""Failures that are nobody's own: certificates that ended, names that nobody resolves; and who failed first."""

from __future__ import annotations

from datetime import datetime, timedelta

from agents.observability.detectors import certificate_rejected, first_failing, names_everywhere
from incidents.ids import EntityId
from tests.agents.cases import ONSET
from tests.agents.cases import entity as entity_id
from tests.agents.observability.seeing import CHECKOUT, facts, red, seen, steps
from tools.loki.line import Level
from tools.loki.mining import LogTemplate
from tools.loki.probes.everywhere import EverywhereView, Saying
from tools.loki.probes.templates import TemplatesView

AT = ONSET + timedelta(minutes=1)


def template(text: str, *, at: datetime = AT, level: Level = Level.ERROR) -> LogTemplate:
    return LogTemplate(template=text, level=level, before=0, after=20, first=at, first_after=at, last=at, example=text)


def logged(entity: EntityId, *texts: str) -> TemplatesView:
    return TemplatesView(
        entity=entity,
        since=ONSET,
        lines_before=50,
        lines_after=50,
        minutes_before=45,
        minutes_after=10,
        templates=tuple(template(text) for text in texts),
    )


def complaint(pod: str, host: str, *, minutes: float = 0) -> Saying:
    said = f"dial tcp: lookup {host} on 10.0.0.10:53: no such host"
    return Saying(pod=pod, count=9, first=AT + timedelta(minutes=minutes), example=said)


def test_a_certificate_that_ended_is_told_with_whose_and_when() -> None:
    said = (
        'Post "https://bank.example:443/pay": x509: certificate has expired: current time is after 2026-11-17T02:00:00Z'
    )
    [found] = facts(certificate_rejected.DETECTOR, seen(logged(CHECKOUT, said)))
    assert (found.kind, found.entity, found.at) == ("certificate.rejected", CHECKOUT, AT)
    assert found.attributes["not_after"] == "2026-11-17T02:00:00Z"


def test_an_unknown_authority_is_no_ended_certificate() -> None:
    assert (
        facts(certificate_rejected.DETECTOR, seen(logged(CHECKOUT, "x509: certificate signed by unknown authority")))
        == []
    )


def test_names_that_strangers_cannot_resolve_are_the_clusters() -> None:
    view = EverywhereView(
        matching="x",
        pods=(complaint("checkout-7d9f8b6c5-x2v4z", "a.example"), complaint("mail-7d9f8b6c5-x2v4z", "b.example")),
    )
    [found] = facts(names_everywhere.DETECTOR, seen(view))
    assert found.kind == "dns.failing_everywhere"
    assert found.entity.endswith("/cluster/" + found.entity.split("/")[0])
    assert found.attributes["workloads"] == 2


def test_one_name_that_one_workload_cannot_resolve_is_its_own() -> None:
    pods = (
        complaint("checkout-7d9f8b6c5-x2v4z", "a.example"),
        complaint("checkout-7d9f8b6c5-b5k8q", "a.example", minutes=1),
    )
    assert facts(names_everywhere.DETECTOR, seen(EverywhereView(matching="x", pods=pods))) == []


def test_complaints_that_began_long_after_belong_to_another_story() -> None:
    pods = (
        complaint("checkout-7d9f8b6c5-x2v4z", "a.example"),
        complaint("mail-7d9f8b6c5-x2v4z", "b.example", minutes=30),
    )
    assert facts(names_everywhere.DETECTOR, seen(EverywhereView(matching="x", pods=pods))) == []


def test_who_is_asked_about_and_fails_alone_failed_first() -> None:
    own = logged(CHECKOUT, "nil pointer dereference")
    [found] = facts(first_failing.DETECTOR, seen(own), red(CHECKOUT, errors=steps(0.001, 0.4)))
    assert (found.entity, found.attributes["by"]) == (CHECKOUT, "logs, requests")


def test_logs_alone_do_not_say_who_was_first() -> None:
    other = EntityId(entity_id("payments"))
    assert facts(first_failing.DETECTOR, seen(logged(other, "nil pointer dereference"))) == []
