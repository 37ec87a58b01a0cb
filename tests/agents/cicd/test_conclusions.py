"""What the specialist claims, asks and rules out, from facts alone."""

from collections.abc import Sequence

import pytest

from agents.cicd.concluding import Circumstances, findings, gaps, questions, ruled_out
from agents.cicd.period import MOST_STRANGERS, Period, period_of
from incidents.casefile import Assignment, CaseFile
from incidents.fact import Fact
from incidents.finding import AgentName, Question, Topic
from tests.agents.cases import NOW, case, entity, fact
from tests.agents.cicd.estate import scene

LOWERED = fact("change.memory_limit_lowered", -2, text="deploy 8f2c1d7 lowered the memory limit of checkout")
IMAGE = fact("change.image_changed", -2, text="deploy 8f2c1d7 changed the image of checkout")
DEPLOYED = fact("change.deployed", -2, text="deploy 8f2c1d7 rolled out checkout", commit="8f2c1d7", revision=42)


def given(*, of: CaseFile | None = None, question: Question | None = None, near: Sequence[str] = ()) -> Circumstances:
    known = of or case()
    asked = (entity("checkout"),)
    topic = question.topic if question else Topic.OVERVIEW
    return Circumstances(
        assignment=Assignment(agent=AgentName.CICD, topic=topic, entities=asked, round=1, question=question),
        case=known,
        period=period_of(scene(of=known)),
        now=NOW,
        near=(*asked, *(entity(name) for name in near)),
    )


def texts(facts: Sequence[Fact], **kwargs: object) -> list[str]:
    return [one.text for one in findings(facts, given(**kwargs))]  # type: ignore[arg-type]


def test_facts_about_one_change_are_one_finding_with_the_most_telling_first() -> None:
    assert texts([DEPLOYED, IMAGE, LOWERED]) == [f"{LOWERED.text}; also: image changed"]
    assert set(findings([DEPLOYED, IMAGE, LOWERED], given())[0].facts) == {DEPLOYED.id, IMAGE.id, LOWERED.id}


def test_the_asked_entities_come_before_strangers_and_the_latest_first() -> None:
    stranger = fact("change.image_changed", -1, of="cart", text="cart")
    older = fact("change.env_changed", -50, text="older")
    assert texts([stranger, older, LOWERED]) == [LOWERED.text, "older", "cart"]


def test_a_change_of_last_week_is_no_finding() -> None:
    assert texts([fact("change.image_changed", -9000)]) == []


def test_nothing_changed_is_one_finding_for_all() -> None:
    facts = [fact("change.none", None, of=name, since="2026-11-16T02:35:00+00:00") for name in ("payments", "checkout")]
    assert texts(facts, near=["payments"]) == ["nothing changed on checkout, payments since 11-16 02:35"]


@pytest.mark.parametrize(
    ("name", "calls", "expected"),
    [
        pytest.param("cart", True, ["no request path connects checkout and cart"], id="a stranger's deploy"),
        pytest.param("payments", True, [], id="a callee's deploy is not ruled out"),
        pytest.param("bank", True, [], id="a callee's callee's neither"),
        pytest.param("web", True, [], id="a caller's neither: it may ask too much"),
        pytest.param("cart", False, [], id="nothing is ruled out while nobody knows who calls whom"),
    ],
)
def test_a_deploy_without_a_request_path_is_ruled_out(name: str, calls: bool, expected: list[str]) -> None:
    deployed = fact("change.deployed", -2, of=name)
    assert [one.because for one in ruled_out([deployed], given(of=case(calls=calls)))] == expected


def test_a_deploy_after_the_onset_is_ruled_out_with_its_delay() -> None:
    late = fact(
        "change.after_onset", 7, of="cart", text="deploy 1e3b739 of cart at 02:42 came 7 min after", minutes_after=7.0
    )
    found = ruled_out([late], given())
    assert [(one.suspicion, one.because) for one in found] == [
        ("deploy 1e3b739 of cart at 02:42", "it came 7.0 min after the trouble had begun")
    ]


QUESTIONS = [
    pytest.param(LOWERED, Topic.USAGE_BEFORE, "what did checkout use before 02:33?", id="a lowered limit: usage"),
    pytest.param(
        IMAGE, Topic.LOGS, "what do the logs of checkout say since 02:33 that they did not say before?", id="code: logs"
    ),
    pytest.param(
        fact("change.deployed", -2, of="payments"),
        Topic.HEALTH,
        "is payments well since 02:33?",
        id="a dependency: health",
    ),
    pytest.param(
        fact("change.configmap_edited", -4, of="configmap/checkout-config", related=["checkout"]),
        Topic.LOGS,
        "what do the logs of checkout say since 02:31 that they did not say before?",
        id="configuration: logs of its users",
    ),
]


@pytest.mark.parametrize(("known", "topic", "text"), QUESTIONS)
def test_a_colleague_is_asked_what_would_settle_it(known: Fact, topic: Topic, text: str) -> None:
    asked = questions([known], given(near=["payments"]))
    assert [(one.to, one.topic, one.text, one.before) for one in asked] == [
        (AgentName.OBSERVABILITY, topic, text, known.at)
    ]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(fact("change.image_changed", -600), id="a deploy of ten hours ago"),
        pytest.param(fact("change.image_changed", 5), id="a deploy after the onset"),
        pytest.param(fact("change.image_changed", -2, of="cart"), id="a stranger's deploy"),
        pytest.param(DEPLOYED, id="the asked workload's deploy by itself"),
    ],
)
def test_nobody_is_asked_about_what_settles_nothing(known: Fact) -> None:
    assert questions([known], given()) == ()


def test_what_changed_before_a_time_is_answered_for_the_asked_entities_only() -> None:
    question = Question(
        id="qu-1", asker=AgentName.OBSERVABILITY, to=AgentName.CICD, topic=Topic.CHANGES, entities=(entity("checkout"),),
        text="what changed on checkout before 02:34?", before=LOWERED.at, round=1,
    )  # fmt: skip
    later, stranger = fact("change.env_changed", -1), fact("change.image_changed", -3, of="cart")
    assert texts([LOWERED, later, stranger], question=question) == [LOWERED.text]


def test_a_rollout_without_a_commit_is_a_gap() -> None:
    nameless, hand = (fact("change.deployed", -2, revision=42, **more) for more in ({}, {"actor": "kubectl-edit"}))
    assert [gap.what for gap in gaps([nameless, hand, DEPLOYED], given())] == [
        "the commit behind revision 42 of checkout"
    ]


def test_the_period_begins_earlier_for_what_is_in_focus() -> None:
    known = case()
    period = Period(onset=known.onset or NOW, near=frozenset({entity("checkout")}))
    two_days = fact("change.deployed", -2880).at
    assert period.holds(two_days, entities=(entity("checkout"),))
    assert not period.holds(two_days, entities=(entity("cart"),))
    assert period.holds(None, entities=(entity("cart"),))


def test_of_strangers_only_the_closest_changes_are_told() -> None:
    ats = [fact("change.deployed", -minutes, of="cart").at for minutes in range(1, 60)]
    period = Period(onset=case().onset or NOW, near=frozenset({entity("checkout")}))
    chosen = period.chosen(ats, at=lambda one: one, entities=lambda _: (entity("cart"),))
    assert chosen == tuple(ats[:MOST_STRANGERS])
    assert len(period.chosen(ats, at=lambda one: one, entities=lambda _: (entity("checkout"),))) == len(ats)
