"""Whether an approved proposal may run: every objection, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.approval import Channel, Choice, Decision, Person
from incidents.canonical import digest_of
from incidents.ids import DecisionId
from incidents.policy import Effect
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.executor.gate import objection, refused_actions
from tests.incidents.making import NOW, after, person, proposal, proposed

POLICY = proposal().body.policy.version


def said(by: Person, *, to: Proposal, choice: Choice = Choice.APPROVE) -> Decision:
    return Decision(
        id=DecisionId(f"de-{by.name}"),
        digest=to.digest,
        person=by,
        choice=choice,
        reason="",
        at=NOW,
        channel=Channel.CONSOLE,
    )


def asked(of: Proposal, *decisions: Decision, **changes: Any) -> str | None:
    given: dict[str, Any] = {"status": ProposalStatus.APPROVED, "policy": POLICY, "paused": False, "now": after(60)}
    return objection(of, decisions=decisions, **(given | changes))


ONE, TWO = proposal(), proposal(approvals=2)
DENIED, ALLOWED = proposal(effect=Effect.DENY), proposal(effect=Effect.ALLOW, approvals=0)
TAMPERED = ONE.model_copy(update={"body": ONE.body.model_copy(update={"confidence": 0.5})})
ADA, BOB, BOT = person("ada"), person("bob"), person("midwatch", bot=True)


@pytest.mark.parametrize(
    ("of", "decisions", "changes"),
    [
        pytest.param(ONE, [said(ADA, to=ONE)], {}, id="one person approved what needs one"),
        pytest.param(TWO, [said(ADA, to=TWO), said(BOB, to=TWO)], {}, id="two people approved what needs two"),
        pytest.param(ALLOWED, [], {}, id="a pre-approval needs no click"),
        pytest.param(
            ONE, [said(ADA, to=ONE)], {"now": after(901), "started": True}, id="its first action ran before it expired"
        ),
    ],
)
def test_it_may_run(of: Proposal, decisions: list[Decision], changes: dict[str, Any]) -> None:
    assert asked(of, *decisions, **changes) is None


@pytest.mark.parametrize(
    ("of", "decisions", "changes", "why"),
    [
        pytest.param(TAMPERED, [said(ADA, to=ONE)], {}, "changed after it was sealed", id="its content was changed"),
        pytest.param(ONE, [said(ADA, to=ONE)], {"paused": True}, "Midwatch is paused", id="everything is paused"),
        pytest.param(
            ONE,
            [said(ADA, to=ONE)],
            {"policy": digest_of(b"another")},
            "the policy changed since it was proposed",
            id="the policy changed after the approval",
        ),
        pytest.param(
            ONE, [said(ADA, to=ONE)], {"now": after(900)}, "it expired at 03:02:00", id="it expires at this very second"
        ),
        pytest.param(DENIED, [said(ADA, to=DENIED)], {}, "policy denies it", id="a click does not open what is denied"),
        pytest.param(ONE, [], {}, "it has 0 of 1 approvals", id="nobody approved it whatever its status says"),
        pytest.param(TWO, [said(ADA, to=TWO)], {}, "it has 1 of 2 approvals", id="one of two approved"),
        pytest.param(
            TWO, [said(ADA, to=TWO), said(ADA, to=TWO)], {}, "it has 1 of 2 approvals", id="one person counts once"
        ),
        pytest.param(ONE, [said(BOT, to=ONE)], {}, "it has 0 of 1 approvals", id="a bot's approval is none"),
        pytest.param(
            ONE, [said(ADA, to=TWO)], {}, "it has 0 of 1 approvals", id="an approval of something else is none"
        ),
        pytest.param(
            ONE,
            [said(ADA, to=ONE), said(BOB, to=ONE, choice=Choice.REJECT)],
            {},
            "somebody rejected it",
            id="one rejection outweighs an approval",
        ),
        *(
            pytest.param(ONE, [said(ADA, to=ONE)], {"status": status}, f"it is {status}", id=f"it is {status}")
            for status in ProposalStatus
            if status is not ProposalStatus.APPROVED
        ),
    ],
)
def test_it_may_not_run(of: Proposal, decisions: list[Decision], changes: dict[str, Any], why: str) -> None:
    found = asked(of, *decisions, **changes)
    assert found is not None
    assert why in found


def test_what_the_target_system_refused_in_the_preview_is_never_run() -> None:
    action = proposed()
    refused = action.preview.model_copy(update={"accepted": False, "refusal": "quota exceeded"})
    made = proposal(actions=[action, action.model_copy(update={"preview": refused})])
    assert refused_actions(proposal()) is None
    assert refused_actions(made) == "Roll checkout back to revision 41: quota exceeded"
