"""Who counts towards a quorum: different humans, the roles that are asked, where the change acts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.approval import Accepted, Channel, Choice, Decision, Person, Refusal, Refused, judge, quorum_of
from incidents.ids import DecisionId, PersonId
from incidents.policy import PolicyVerdict
from incidents.proposal import Proposal, ProposalStatus
from incidents.quorum import Approver, quorum
from incidents.scope import Grant, Place, Scope, roles_at
from tests.incidents.making import NOW, after, proposal, verdict

SHOP = Place(cluster="prod-eu", namespace="shop", environment="production", services=("checkout",))
BANK = Place(cluster="prod-eu", namespace="bank", environment="production", services=("ledger",))
STAGING = Place(cluster="staging", namespace="shop", environment="staging", services=("checkout",))


def who(name: str, *roles: str, grants: tuple[Grant, ...] = (), bot: bool = False) -> Person:
    return Person(id=PersonId(f"{name}@example.com"), name=name, roles=roles, grants=grants, bot=bot)


def asking(approvals: int = 1, *, each: tuple[str, ...] = (), places: tuple[Place, ...] = (SHOP,)) -> PolicyVerdict:
    made = verdict(approvals=approvals, approvers=("oncall", "owner"))
    return made.model_copy(update={"one_of_each": each, "places": places})


CHECKOUTS = Grant(role="owner", services=("checkout",))


@pytest.mark.parametrize(
    ("asked", "people", "missing"),
    [
        pytest.param(asking(), [who("ada", "oncall")], 0, id="one of on-call is enough for one"),
        pytest.param(asking(2), [who("ada", "oncall")], 1, id="one is not enough for two"),
        pytest.param(asking(2), [who("ada", "oncall"), who("ADA", "owner")], 1, id="one human twice counts once"),
        pytest.param(asking(), [who("eve", "viewer")], 1, id="a viewer does not count"),
        pytest.param(asking(), [who("bot", "oncall", bot=True)], 1, id="a bot never counts"),
        pytest.param(asking(), [who("mira", grants=(CHECKOUTS,))], 0, id="the owner of the service counts"),
        pytest.param(
            asking(places=(BANK,)), [who("mira", grants=(CHECKOUTS,))], 1, id="the owner of another service does not"
        ),
        pytest.param(
            asking(places=(SHOP, BANK)), [who("mira", grants=(CHECKOUTS,))], 1, id="the owner of one of two does not"
        ),
        pytest.param(
            asking(places=(SHOP, BANK)),
            [who("mira", grants=(CHECKOUTS, Grant(role="owner", namespaces=("bank",))))],
            0,
            id="the owner of both does",
        ),
        pytest.param(
            asking(2, each=("oncall", "owner")),
            [who("ada", "oncall"), who("bob", "oncall")],
            1,
            id="two of on-call when one of each is asked",
        ),
        pytest.param(
            asking(2, each=("oncall", "owner")), [who("ada", "oncall", "owner")], 1, id="one human is not two roles"
        ),
        pytest.param(
            asking(2, each=("oncall", "owner")),
            [who("ada", "oncall", "owner"), who("bob", "oncall")],
            0,
            id="who has both roles stands for the one that is lacking",
        ),
    ],
)
def test_how_many_are_missing(asked: PolicyVerdict, people: list[Person], missing: int) -> None:
    assert quorum_of(asked, people).missing == missing


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.frozensets(st.sampled_from(["oncall", "owner", "lead"]), max_size=3)),
        max_size=6,
    ),
    st.integers(1, 4),
    st.lists(st.sampled_from(["oncall", "owner", "lead"]), max_size=3, unique=True),
)
def test_a_complete_quorum_has_a_different_human_for_every_role(
    people: list[tuple[int, frozenset[str]]], approvals: int, each: list[str]
) -> None:
    """Checked against trying all assignments."""
    asked = verdict(approvals=approvals, approvers=("oncall", "owner", "lead")).model_copy(
        update={"one_of_each": tuple(each)}
    )
    approvers = [Approver(key=str(key), roles=roles) for key, roles in people]
    humans = {key: roles for key, roles in people if roles}
    fits = _assignable(list(each), dict(humans))
    assert quorum(asked, approvers).complete == (len(humans) >= approvals and fits)


def _assignable(roles: list[str], humans: dict[int, frozenset[str]]) -> bool:
    if not roles:
        return True
    able = [key for key, held in humans.items() if roles[0] in held]
    return any(_assignable(roles[1:], {k: v for k, v in humans.items() if k != key}) for key in able)


@pytest.mark.parametrize(
    ("grant", "place", "holds"),
    [
        pytest.param(Grant(role="owner"), BANK, True, id="without a limit it holds everywhere"),
        pytest.param(Grant(role="owner", environments=("staging",)), STAGING, True, id="in its environment"),
        pytest.param(Grant(role="owner", environments=("staging",)), SHOP, False, id="not in another environment"),
        pytest.param(Grant(role="owner", clusters=("prod-*",), namespaces=("shop",)), SHOP, True, id="by patterns"),
        pytest.param(Grant(role="owner", clusters=("prod-*",), namespaces=("shop",)), BANK, False, id="all must match"),
        pytest.param(Grant(role="viewer"), SHOP, False, id="another role is another role"),
    ],
)
def test_where_a_role_holds(grant: Grant, place: Place, holds: bool) -> None:
    assert ("owner" in roles_at((), (grant,), (place,))) is holds


def test_of_several_services_an_owner_needs_all_and_a_row_that_denies_one() -> None:
    both = SHOP.model_copy(update={"services": ("checkout", "cart")})
    only = Scope(services=("checkout",))
    assert not only.covers(both)
    assert only.misses(both, any_service=True) == ()


def sealed(asked: PolicyVerdict) -> Proposal:
    body = proposal().body
    return Proposal.of(body.model_copy(update={"policy": asked}))


def ruled(of: Proposal, person: Person, *before: Person, choice: Choice = Choice.APPROVE) -> Accepted | Refused:
    decided = [
        Decision(
            id=DecisionId(f"de-{one.name}"),
            digest=of.digest,
            person=one,
            choice=Choice.APPROVE,
            at=NOW,
            channel=Channel.CONSOLE,
        )
        for one in before
    ]
    return judge(
        of.body,
        status=ProposalStatus.PENDING,
        decided=decided,
        requested_by=None,
        person=person,
        choice=choice,
        reason="",
        now=after(1),
    )


def test_the_owner_of_something_else_is_told_what_they_own() -> None:
    answer = ruled(sealed(asking(places=(BANK,))), who("mira", grants=(CHECKOUTS,)))
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.MISSING_ROLE
    assert "ledger in bank (prod-eu, production)" in answer.message
    assert "owner of services checkout" in answer.message


def test_a_second_of_the_same_role_leaves_the_other_role_open() -> None:
    of = sealed(asking(2, each=("oncall", "owner")))
    second = ruled(of, who("bob", "oncall"), who("ada", "oncall"))
    assert second == Accepted(status=ProposalStatus.PENDING, approvals=2, needed=3, complete=False, lacks=("owner",))
    third = ruled(of, who("mira", grants=(CHECKOUTS,)), who("ada", "oncall"), who("bob", "oncall"))
    assert isinstance(third, Accepted)
    assert (third.status, third.complete) == (ProposalStatus.APPROVED, True)
