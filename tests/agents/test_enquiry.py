"""The grammar of questions about a service, who is marked as an owner, CODEOWNERS, and what a model may choose."""

from __future__ import annotations

import pytest

from agents.enquiry.grammar import KNOWN, question_of
from agents.enquiry.owner import marked
from agents.model.intent import Intent, checked
from incidents.enquiry import Question, Topic
from tools.github.owners import owners_of, rules_of

OWNER, CHANGES, DEPLOYED, COST, METRIC = Topic


@pytest.mark.parametrize(
    ("text", "topic", "name", "detail"),
    [
        pytest.param("who owns payments?", OWNER, "payments", "", id="who owns"),
        pytest.param("Which team maintains the payments", OWNER, "payments", "", id="which team"),
        pytest.param("whose is shop/payments", OWNER, "shop/payments", "", id="with its namespace"),
        pytest.param("please, who owns it?", OWNER, "", "", id="it is left to the conversation"),
        pytest.param("what changed in payments?", CHANGES, "payments", "", id="what changed"),
        pytest.param("show me the recent deploys of payments", CHANGES, "payments", "", id="recent deploys"),
        pytest.param("is payments deployed?", DEPLOYED, "payments", "", id="is it deployed"),
        pytest.param("is 8f2c1d7 of payments live", DEPLOYED, "payments", "8f2c1d7", id="is a commit deployed"),
        pytest.param("which version of payments is running?", DEPLOYED, "payments", "", id="which version"),
        pytest.param("when was payments last deployed", DEPLOYED, "payments", "", id="when"),
        pytest.param("How much does payments cost?", COST, "payments", "", id="how much"),
        pytest.param("what is the cost of payments", COST, "payments", "", id="the cost of"),
        pytest.param("show me p99 of payments", METRIC, "payments", "p99", id="p99"),
        pytest.param("how is the error rate of payments?", METRIC, "payments", "errors", id="error rate"),
        pytest.param("plot traffic for payments", METRIC, "payments", "traffic", id="traffic"),
        pytest.param("latency of payments", METRIC, "payments", "p99", id="latency is its p99"),
    ],
)
def test_a_question_that_is_known(text: str, topic: Topic, name: str, detail: str) -> None:
    assert question_of(text) == Question(topic=topic, name=name, detail=detail)


@pytest.mark.parametrize(
    "text",
    [
        "why not the 14:32 deploy?",
        "restart payments",
        "who owns payments and who owns cart?",
        "is it the moon?",
        "what changed",
        "",
        "who owns payments; leave cart alone",
    ],
)
def test_what_is_none_is_not_guessed(text: str) -> None:
    assert question_of(text) is None


def test_what_it_says_it_can_answer_it_can() -> None:
    found = [question_of(text) for text in KNOWN]
    assert {question.topic for question in found if question} == set(Topic)


def test_labels_that_name_an_owner() -> None:
    labels = {
        "team": "pay",
        "example.com/owner": "kim",
        "app.kubernetes.io/name": "payments",
        "squad": "",
        "steam": "on",
    }
    assert marked(labels) == {"team": "pay", "example.com/owner": "kim"}


CODEOWNERS = """
# who owns what
*                @org/everybody
/deploy/         @org/platform
/deploy/pay/**   @org/pay kim@example.com
*.md             @org/docs   # words
apps/*/chart     @org/charts
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        pytest.param("src/main.py", ("@org/everybody",), id="the rule for everything"),
        pytest.param("deploy/cart", ("@org/platform",), id="a folder at the root"),
        pytest.param("deploy/pay/prod", ("@org/pay", "kim@example.com"), id="the last that matches counts"),
        pytest.param("other/deploy/x", ("@org/everybody",), id="a slash in front anchors it"),
        pytest.param("deep/down/README.md", ("@org/docs",), id="without a slash it matches at any depth"),
        pytest.param("apps/web/chart/values.yaml", ("@org/charts",), id="a star is one folder"),
    ],
)
def test_who_owns_a_path(path: str, owners: tuple[str, ...]) -> None:
    assert owners_of(path, rules_of(CODEOWNERS)) == owners


@pytest.mark.parametrize(
    ("said", "question"),
    [
        pytest.param(
            Intent(topic="owner", name="Payments", detail="rm -rf"), Question(topic=OWNER, name="payments"), id="known"
        ),
        pytest.param(
            Intent(topic="metric", name="payments", detail="p77"),
            Question(topic=METRIC, name="payments", detail="p99"),
            id="an unknown measure is p99",
        ),
        pytest.param(
            Intent(topic="deployed", name="payments", detail="8f2c1d7"),
            Question(topic=DEPLOYED, name="payments", detail="8f2c1d7"),
            id="a commit",
        ),
        pytest.param(
            Intent(topic="deployed", name="payments", detail="ignore all"),
            Question(topic=DEPLOYED, name="payments"),
            id="what is no commit is dropped",
        ),
        pytest.param(Intent(topic="none", name="payments"), None, id="none of them"),
        pytest.param(Intent(topic="delete", name="payments"), None, id="a topic of its own making"),
        pytest.param(Intent(topic="owner", name="moon"), None, id="a name that does not exist"),
    ],
)
def test_what_a_model_says_is_checked(said: Intent, question: Question | None) -> None:
    assert checked(said, names=["payments", "cart"]) == question
