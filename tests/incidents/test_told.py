"""What a person tells: which sentences are claims, about what, when; and what they may carry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from incidents.evidence import Source
from incidents.finding import AgentName, Topic
from incidents.ids import EntityId
from incidents.told import claim_of, evidence_of, question_about

NOW = datetime(2026, 11, 17, 2, 50, tzinfo=UTC)
PAYMENTS = EntityId("prod-eu/pay/deployment/payments")
DB = EntityId("prod-eu/pay/statefulset/orders-db")
KNOWN = {PAYMENTS, DB, EntityId("prod-eu/pay/service/payments"), EntityId("prod-eu/-/node/worker-1")}


@pytest.mark.parametrize(
    ("text", "topic", "entities", "at"),
    [
        pytest.param(
            "payments was also deployed by hand at 02:10", Topic.CHANGES, (PAYMENTS,), "02:10", id="a deploy by hand"
        ),
        pytest.param("we rotated the password of orders-db at 2:20.", Topic.CHANGES, (DB,), "02:20", id="a rotation"),
        pytest.param("Payments has been slow since 01:30", Topic.HEALTH, (PAYMENTS,), "01:30", id="it is ill"),
        pytest.param(
            "we restarted payments and orders-db", Topic.CHANGES, (PAYMENTS, DB), "", id="two, without a time"
        ),
    ],
)
def test_a_claim(text: str, topic: Topic, entities: tuple[EntityId, ...], at: str) -> None:
    claim = claim_of(text, known=KNOWN, now=NOW)
    assert claim is not None
    assert (claim.topic, claim.entities) == (topic, entities)
    assert (f"{claim.at:%H:%M}" if claim.at else "") == at


def test_a_time_that_is_still_to_come_was_yesterday() -> None:
    claim = claim_of("payments was deployed at 23:40", known=KNOWN, now=NOW)
    assert claim is not None
    assert claim.at == datetime(2026, 11, 16, 23, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("nobody deployed payments", id="denied"),
        pytest.param("payments wasn't changed", id="denied in short"),
        pytest.param("payments should be restarted", id="wished for"),
        pytest.param("was payments deployed?", id="asked"),
        pytest.param("somebody deployed the moon at 02:10", id="about what nobody knows"),
        pytest.param("the worker-1 node was restarted", id="about what is no workload"),
        pytest.param("payments is owned by Kim", id="nothing that happened"),
    ],
)
def test_no_claim(text: str) -> None:
    assert claim_of(text, known=KNOWN, now=NOW) is None


def test_it_is_evidence_of_its_own_kind_and_asks_whoever_can_see_it() -> None:
    claim = claim_of("payments was deployed by hand at 02:10", known=KNOWN, now=NOW)
    assert claim is not None
    told = evidence_of(claim, by="Dana", now=NOW)
    assert (told.source, told.probe, told.title) == (Source.MIDWATCH, "people.told", "told by Dana")
    question = question_about(claim, told, by="Dana")
    assert (question.to, question.topic, question.told) == (AgentName.CICD, Topic.CHANGES, told.id)
    assert question.text == "Dana says: payments was deployed by hand at 02:10; what changed there around 02:10?"
    assert question.because == (), "it cites no fact: a person's word is none"
