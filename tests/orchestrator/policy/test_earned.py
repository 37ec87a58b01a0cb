"""A row of the policy that lets a kind of change run without a click for as long as its record is good enough."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incidents.autonomy import Grade, Graded, change_class
from incidents.canonical import digest_of
from incidents.ids import ActionKind, CauseSlug, ProposalDigest
from incidents.policy import Effect, PolicyVerdict, Standing
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.policy.ruling import ruling
from tests.incidents.making import CHECKOUT, NOW
from tests.orchestrator.policy.asking import folder, question

EARNED = """
rules:
  - name: rollbacks that have earned it
    effect: allow
    actions: [rollback_workload]
    namespaces: [shop]
    until: 2027-03-01T00:00:00Z
    signed_by: dana@example.com
    reason: Thirty of thirty helped
    earned: {at_least: 0.9, trials: 20, days: 180, signed_by: dana@example.com, signed_at: 2026-11-01T00:00:00Z}
  - {name: everything, effect: ask, approvals: 1, approvers: [oncall]}
"""
ROLLBACK = change_class(ActionKind("rollback_workload"), CauseSlug("memory_limit_too_low"), CHECKOUT)


def history(verified: int, *bad: Grade, cause: str = "memory_limit_too_low") -> Standing:
    change = ROLLBACK.model_copy(update={"cause": cause})
    grades = [Grade.VERIFIED] * verified + list(bad)
    return Standing(
        graded=tuple(
            Graded(
                change=change,
                grade=grade,
                at=NOW - timedelta(days=1),
                proposal=ProposalDigest(digest_of(str(number).encode())),
            )
            for number, grade in enumerate(grades)
        )
    )


def verdict(at: Path, standing: Standing, **about: Any) -> PolicyVerdict:
    return ruling(folder(at, EARNED), question(standing=standing, **about))


def test_a_good_record_runs_without_a_click_and_says_on_what_grounds(tmp_path: Path) -> None:
    found = verdict(tmp_path, history(30))
    assert found.effect is Effect.ALLOW, found.reason
    assert "30 of 30 verified" in found.reason


@pytest.mark.parametrize(
    ("standing", "about"),
    [
        pytest.param(Standing(), {}, id="nothing was ever verified"),
        pytest.param(history(19), {}, id="too few"),
        pytest.param(history(300, Grade.UNDONE), {}, id="one bad outcome after it was signed"),
        pytest.param(history(30, Grade.REJECTED, Grade.REJECTED), {}, id="people said no too often"),
        pytest.param(history(30, cause="bad_deploy"), {}, id="the record is of another cause"),
        pytest.param(history(30), {"cause": None}, id="no cause was diagnosed"),
        pytest.param(history(30), {"now": NOW + timedelta(days=200)}, id="the row has ended, and the record is old"),
    ],
)
def test_otherwise_people_are_asked(tmp_path: Path, standing: Standing, about: dict[str, Any]) -> None:
    found = verdict(tmp_path, standing, **about)
    assert (found.effect, found.approvals) == (Effect.ASK, 1)


def test_the_policy_that_comes_along_lets_nothing_run_by_itself() -> None:
    assert [rule.name for rule in load_policy(None).rules if rule.effect is Effect.ALLOW or rule.earned] == []


def test_terms_that_promise_too_little_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicyError, match="at_least"):
        folder(tmp_path, EARNED.replace("at_least: 0.9", "at_least: 0.3"))
