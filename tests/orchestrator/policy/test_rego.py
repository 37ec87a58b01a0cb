"""A team's own Rego: it makes verdicts stricter, and whatever goes wrong in it denies."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.policy import Effect
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.policy.ruling import ruling
from tests.orchestrator.policy.asking import ASK_ALL, action, done, folder, question, standing

HEAD = "package midwatch.payments\nimport rego.v1\n"


@pytest.mark.parametrize(
    ("rule", "effect", "approvals", "says"),
    [
        pytest.param('deny contains "payments is settled now" if input.hour == 2', Effect.DENY, 0, "is settled now", id="a sentence denies"),
        pytest.param('deny contains {"name": "n", "why": "w w"} if input.weekday == "tue"', Effect.DENY, 0, "w w", id="with a name"),
        pytest.param('deny contains "x" if input.hour == 3', Effect.ASK, 1, "", id="a rule that does not hold"),
        pytest.param('more contains {"why": "is for payments", "add": 2} if { some a in input.actions; "checkout" in a.services }', Effect.ASK, 3, "is for payments (+2)", id="more people"),
        pytest.param('deny contains "busy" if { count(input.done) == 1; input.done[0].seconds_ago == 600 }', Effect.ASK, 1, "", id="nothing was done"),
        pytest.param('approvals := 0\nallow := true\neffect := "allow"', Effect.ASK, 1, "", id="it cannot make anything milder"),
        pytest.param('more contains {"why": "less", "add": -5} if true', Effect.DENY, 0, "something else than sets", id="fewer people"),
        pytest.param("deny if true", Effect.DENY, 0, "something else than sets", id="deny as a truth value"),
        pytest.param('deny := "all of it" if true', Effect.DENY, 0, "something else than sets", id="deny as a text"),
        pytest.param("deny contains 7 if true", Effect.DENY, 0, "something else than sets", id="a number as a reason"),
        pytest.param('deny contains "x" if to_number("many") > 2', Effect.DENY, 0, "cannot be evaluated", id="a built-in that fails"),
        pytest.param('deny contains "x" if no_such_function(1)', Effect.DENY, 0, "cannot be evaluated", id="no such function"),
        pytest.param('a := 1\na := 2\ndeny contains "x" if a == 1', Effect.DENY, 0, "cannot be evaluated", id="it contradicts itself"),
    ],
)  # fmt: skip
def test_what_a_team_adds(tmp_path: Path, rule: str, effect: Effect, approvals: int, says: str) -> None:
    found = ruling(folder(tmp_path, payments=HEAD + rule), question())
    assert (found.effect, found.approvals) == (effect, approvals), found.reason
    assert says in found.reason


def test_it_sees_what_was_done(tmp_path: Path) -> None:
    rule = 'deny contains "wait" if { some one in input.done; one.seconds_ago < 900; "checkout" in one.services }'
    policy = folder(tmp_path, payments=HEAD + rule)
    assert ruling(policy, question(standing=standing(done(minutes_ago=10)))).effect is Effect.DENY
    assert ruling(policy, question(standing=standing(done(minutes_ago=20)))).effect is Effect.ASK


def test_the_reason_says_whose_rule_it_is(tmp_path: Path) -> None:
    found = ruling(folder(tmp_path, payments=HEAD + 'deny contains "no" if true'), question())
    assert found.rule == "midwatch.payments"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("team", 'package team\nimport rego.v1\ndeny contains "x" if true', r"team.rego:1: package team: write `package midwatch.team`", id="a package that nobody asks"),
        pytest.param("on-call", "import rego.v1", r"on-call.rego:1: package is missing: write `package midwatch.on_call`", id="no package"),
        pytest.param("main", "package midwatch\nimport rego.v1\nmore := []", r"main.rego:1: package midwatch: write", id="ours"),
        pytest.param("team", HEAD + '\ndeny contains "x" if {', r"team.rego:4: ", id="what does not parse"),
        pytest.param("team", HEAD + 'deny contains "x" if "y" in input.actions[_].services', r"team.rego: it does not compile", id="what does not compile"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InvalidPolicyError, match=said):
        folder(tmp_path, **{name: text})


def test_the_version_covers_the_rego(tmp_path: Path) -> None:
    one = folder(tmp_path)
    two = folder(tmp_path, payments=HEAD + 'deny contains "x" if input.hour == 3')
    three = folder(tmp_path, payments=HEAD + 'deny contains "x" if input.hour == 4')
    assert len({one.version, two.version, three.version}) == 3
    assert folder(tmp_path, ASK_ALL + "# a comment\n").version == three.version


def test_tests_of_rego_are_left_out(tmp_path: Path) -> None:
    policy = folder(tmp_path, payments_test="package anything\ntest_x if true")
    assert [module.name for module in policy.modules] == ["midwatch.rego"]


def test_a_folder_without_a_matrix_extends_the_one_that_is_shipped(tmp_path: Path) -> None:
    (tmp_path / "payments.rego").write_text(
        HEAD + 'deny contains "x" if { some a in input.actions; "checkout" in a.services }'
    )
    policy = load_policy(tmp_path)
    assert policy.rules == load_policy().rules
    assert ruling(policy, question(action())).effect is Effect.DENY
