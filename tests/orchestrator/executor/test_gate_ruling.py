"""What the gate makes of what policy says by now, and of who approved: every objection, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.approval import Channel, Choice, Decision, Person
from incidents.canonical import digest_of
from incidents.ids import DecisionId, PersonId
from incidents.policy import Effect, PolicyVerdict, Preapproval
from incidents.proposal import Proposal, ProposalStatus
from incidents.scope import Grant, Place
from orchestrator.executor.gate import objection
from tests.incidents.making import after, person, proposal, verdict

SHOP = Place(cluster="prod-eu", namespace="shop", services=("checkout",))
ADA, BOB = person("ada", "oncall"), person("bob", "owner")
MIRA = Person(id=PersonId("mira@example.com"), name="Mira", grants=(Grant(role="owner", services=("cart",)),))
SIGNED = Preapproval(name="nights", signed_by="ada@example.com", uses=1)
DAYS = Preapproval(name="days", signed_by="ada@example.com", uses=1)


def sealed(**changes: Any) -> Proposal:
    body = proposal().body
    return Proposal.of(body.model_copy(update={"policy": says(**changes)}))


def says(**changes: Any) -> PolicyVerdict:
    given: dict[str, Any] = {"approvers": ("oncall", "owner"), "places": (SHOP,)}
    return verdict().model_copy(update=given | changes)


def approval(of: Proposal, who: Person, choice: Choice = Choice.APPROVE) -> Decision:
    return Decision(
        id=DecisionId(f"de-{who.name}"), digest=of.digest, person=who, choice=choice, at=after(1), channel=Channel.CONSOLE
    )  # fmt: skip


def asked(of: Proposal, *people: Person, **changes: Any) -> str | None:
    given: dict[str, Any] = {"ruling": of.body.policy, "status": ProposalStatus.APPROVED, "paused": False}
    return objection(
        of,
        decisions=[approval(of, who) for who in people],
        policy=of.body.policy.version,
        now=after(60),
        **(given | changes),
    )


ASKED, EACH = sealed(), sealed(approvals=2, one_of_each=("oncall", "owner"))
ALLOWED = sealed(effect=Effect.ALLOW, approvals=0, approvers=(), preapprovals=(SIGNED,))
DENIES = says(effect=Effect.DENY, approvals=0, reason="the freeze is in force")


@pytest.mark.parametrize(
    ("of", "people", "changes"),
    [
        pytest.param(ASKED, [ADA], {}, id="policy says the same as then"),
        pytest.param(
            ASKED, [ADA, BOB], {"ruling": says(approvals=2)}, id="policy asks for two by now, and two approved"
        ),
        pytest.param(
            ASKED, [ADA], {"ruling": says(effect=Effect.ALLOW, approvals=0)}, id="it would be pre-approved now"
        ),
        pytest.param(ASKED, [ADA], {"ruling": DENIES, "started": True}, id="a freeze that began half way"),
        pytest.param(
            ASKED, [ADA], {"ruling": says(version=digest_of(b"other")), "started": True}, id="a policy changed half way"
        ),
        pytest.param(ALLOWED, [], {}, id="a pre-approval with a use left"),
        pytest.param(EACH, [ADA, BOB], {}, id="one of each role"),
        pytest.param(ASKED, [ADA], {"requested_by": BOB.id}, id="somebody else asked for it"),
    ],
)
def test_it_may_run(of: Proposal, people: list[Person], changes: dict[str, Any]) -> None:
    assert asked(of, *people, **changes) is None


@pytest.mark.parametrize(
    ("of", "people", "changes", "why"),
    [
        pytest.param(ASKED, [ADA], {"ruling": DENIES}, "policy denies it now: the freeze is in force", id="a freeze"),
        pytest.param(
            ASKED, [ADA], {"ruling": says(approvals=2)}, "policy asks for more by now: it has 1 of 2", id="one more"
        ),
        pytest.param(
            ASKED, [ADA], {"ruling": says(version=digest_of(b"other"))}, "the policy changed", id="another policy"
        ),
        pytest.param(
            ALLOWED,
            [],
            {"ruling": ALLOWED.body.policy.model_copy(update={"preapprovals": (DAYS,)})},
            "its pre-approval nights does not hold any more",
            id="another pre-approval would allow it by now",
        ),
        pytest.param(
            ALLOWED,
            [],
            {"ruling": says(reason="it was used 1 of 1 times")},
            "its pre-approval does not hold any more",
            id="a pre-approval that ended",
        ),
        pytest.param(
            ASKED,
            [ADA],
            {"ruling": says(effect=Effect.ALLOW, approvals=0), "requested_by": ADA.id},
            "it has 0 of 1 approvals",
            id="milder by now, and yet not without the quorum that was sealed",
        ),
        pytest.param(ASKED, [MIRA], {}, "it has 0 of 1 approvals", id="the owner of another service"),
        pytest.param(EACH, [ADA, person("eve", "oncall")], {}, "nobody of owner is among them", id="two of one role"),
        pytest.param(
            ASKED, [ADA], {"requested_by": PersonId("ADA@example.com")}, "it has 0 of 1", id="who asked for it"
        ),
    ],
)
def test_it_must_not_run(of: Proposal, people: list[Person], changes: dict[str, Any], why: str) -> None:
    found = asked(of, *people, **changes)
    assert found is not None
    assert why in found


def test_who_asked_for_it_may_still_stop_it() -> None:
    decisions = [approval(ASKED, BOB), approval(ASKED, ADA, Choice.REJECT)]
    found = objection(
        ASKED,
        status=ProposalStatus.APPROVED,
        decisions=decisions,
        policy=ASKED.body.policy.version,
        paused=False,
        now=after(60),
        requested_by=ADA.id,
    )
    assert found == "somebody rejected it"
