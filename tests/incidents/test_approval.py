"""Whose click counts: checked in one place, failing closed."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.approval import Accepted, Channel, Choice, Decision, Person, Refusal, Refused, judge
from incidents.ids import DecisionId, PersonId
from incidents.policy import Effect
from incidents.proposal import Proposal, ProposalStatus
from tests.incidents.making import NOW, after, person, proposal


def decision(of: Person, body: Proposal, choice: Choice = Choice.APPROVE) -> Decision:
    return Decision(
        id=DecisionId(f"de-{of.id}"), digest=body.digest, person=of, choice=choice, at=NOW, channel=Channel.CONSOLE
    )


def judged(
    given_proposal: Proposal,
    by: Person,
    *,
    choice: Choice = Choice.APPROVE,
    reason: str = "",
    status: ProposalStatus = ProposalStatus.PENDING,
    decided: tuple[Decision, ...] = (),
    requested_by: PersonId | None = None,
    now: datetime = NOW,
) -> Accepted | Refused:
    return judge(
        given_proposal.body,
        status=status,
        decided=decided,
        requested_by=requested_by,
        person=by,
        choice=choice,
        reason=reason,
        now=now,
    )


ADA = person("ada")
BODY = proposal()


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        pytest.param(judged(BODY, person("robot", bot=True)), Refusal.BOT, id="a bot is never an approver"),
        pytest.param(judged(BODY, person("eve", "viewer")), Refusal.MISSING_ROLE, id="a viewer may not"),
        pytest.param(
            judged(proposal(approvers=()), ADA), Refusal.MISSING_ROLE, id="a policy without approvers lets nobody"
        ),
        pytest.param(judged(BODY, ADA, now=after(900)), Refusal.EXPIRED, id="at the second of its expiry it is over"),
        pytest.param(
            judged(BODY, ADA, status=ProposalStatus.SUPERSEDED),
            Refusal.NOT_PENDING,
            id="a superseded one takes no click",
        ),
        pytest.param(
            judged(BODY, ADA, status=ProposalStatus.APPROVED), Refusal.NOT_PENDING, id="nor does an approved one"
        ),
        pytest.param(
            judged(BODY, ADA, status=ProposalStatus.DENIED),
            Refusal.POLICY_DENIES,
            id="denied by policy is not for people to approve",
        ),
        pytest.param(
            judged(proposal(effect=Effect.DENY), ADA), Refusal.POLICY_DENIES, id="the body's own verdict counts too"
        ),
        pytest.param(
            judged(BODY, ADA, decided=(decision(ADA, BODY),)), Refusal.ALREADY_DECIDED, id="one person counts once"
        ),
        pytest.param(
            judged(BODY, ADA.model_copy(update={"id": PersonId("ADA@Example.com ")}), decided=(decision(ADA, BODY),)),
            Refusal.ALREADY_DECIDED,
            id="another spelling of an address is the same person",
        ),
        pytest.param(
            judged(BODY, ADA, requested_by=ADA.id), Refusal.OWN_REQUEST, id="nobody approves their own request"
        ),
        pytest.param(
            judged(BODY, ADA, choice=Choice.REJECT, reason=" "), Refusal.REASON_NEEDED, id="a rejection says why"
        ),
    ],
)
def test_what_does_not_count(answer: Accepted | Refused, refusal: Refusal) -> None:
    assert isinstance(answer, Refused)
    assert answer.refusal is refusal
    assert answer.message.endswith((".", "!")) or ":" in answer.message


def test_one_of_one_approves() -> None:
    assert judged(BODY, ADA) == Accepted(status=ProposalStatus.APPROVED, approvals=1, needed=1, complete=True)


def test_the_first_of_two_leaves_it_pending() -> None:
    two = proposal(approvals=2)
    first = judged(two, ADA)
    assert first == Accepted(status=ProposalStatus.PENDING, approvals=1, needed=2, complete=False)
    second = judged(two, person("grace"), decided=(decision(ADA, two),))
    assert second == Accepted(status=ProposalStatus.APPROVED, approvals=2, needed=2, complete=True)


def test_one_rejection_ends_it_whatever_the_quorum() -> None:
    two = proposal(approvals=2)
    answer = judged(two, person("grace"), choice=Choice.REJECT, reason="freeze", decided=(decision(ADA, two),))
    assert isinstance(answer, Accepted)
    assert answer.status is ProposalStatus.REJECTED
    assert answer.complete


def test_a_requester_may_reject_their_own_request() -> None:
    assert isinstance(judged(BODY, ADA, choice=Choice.REJECT, reason="wrong", requested_by=ADA.id), Accepted)


PEOPLE = st.builds(
    person,
    st.sampled_from(["ada", "grace", "eve", "linus"]),
    st.sampled_from(["oncall", "viewer", "owner"]),
    bot=st.booleans(),
)
CLICKS = st.lists(
    st.tuples(PEOPLE, st.sampled_from(sorted(Choice)), st.sampled_from(["", "because"]), st.integers(0, 1200)),
    max_size=12,
)


@given(CLICKS, st.integers(1, 3))
def test_any_sequence_of_clicks_keeps_the_rules(clicks: list[tuple[Person, Choice, str, int]], needed: int) -> None:
    """However people click: approved means that enough different entitled humans approved in time and nobody rejected."""
    subject = proposal(approvals=needed)
    status, decided = ProposalStatus.PENDING, ()
    for who, choice, reason, seconds in clicks:
        answer = judged(subject, who, choice=choice, reason=reason, status=status, decided=decided, now=after(seconds))
        if isinstance(answer, Refused):
            continue
        assert status is ProposalStatus.PENDING
        assert after(seconds) < subject.body.expires_at
        assert not who.bot
        assert "oncall" in who.roles
        decided = (*decided, decision(who, subject, choice))
        status = answer.status
    approvals = [d for d in decided if d.choice is Choice.APPROVE]
    assert len({d.person.id for d in decided}) == len(decided)
    assert (status is ProposalStatus.APPROVED) == (
        len(approvals) >= needed and all(d.choice is Choice.APPROVE for d in decided)
    )
    assert (status is ProposalStatus.REJECTED) == any(d.choice is Choice.REJECT for d in decided)
