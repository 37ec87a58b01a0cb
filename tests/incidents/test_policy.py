"""The policy matrix: the first row that matches, the strictest of several actions, and deny for everything else."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import matrix
from incidents.action import ActionRequest, BlastRadius
from incidents.canonical import digest_of
from incidents.ids import ActionKind, EntityId
from incidents.policy import ConsideredAction, Effect, Policy, PolicyQuestion, PolicyRule, PolicyVerdict
from tests.incidents.making import CHECKOUT, NOW, after


def policy(*rules: PolicyRule) -> Policy:
    return Policy(rules=rules, version=digest_of(b"p"), source="policy.yaml")


def action(
    kind: str = "rollback_workload", *, target: str = CHECKOUT, pods: int = 6
) -> tuple[ActionRequest, BlastRadius]:
    return ActionRequest(kind=ActionKind(kind), target=EntityId(target)), BlastRadius(pods=pods)


def decide(loaded: Policy | None, *, actions: list[tuple[ActionRequest, BlastRadius]], now: datetime) -> PolicyVerdict:
    considered = tuple(ConsideredAction(request=request, reach=reach) for request, reach in actions)
    return matrix.decide(loaded, PolicyQuestion(actions=considered, at=now))


ASK = PolicyRule(name="ask", effect=Effect.ASK, actions=("rollback_workload", "scale_*"), max_pods=10)
TWO = PolicyRule(name="two", effect=Effect.ASK, approvals=2, approvers=("oncall", "owner"))
DENY = PolicyRule(name="system", effect=Effect.DENY, namespaces=("kube-*",), reason="people do that")
PRE = PolicyRule(name="pre", effect=Effect.ALLOW, actions=("restart_workload",), namespaces=("shop",), until=after(60))


@pytest.mark.parametrize(
    ("loaded", "actions", "effect", "rule", "approvals"),
    [
        pytest.param(None, [action()], Effect.DENY, "default", 0, id="no policy means deny"),
        pytest.param(policy(), [action()], Effect.DENY, "default", 0, id="a policy without rows means deny"),
        pytest.param(policy(ASK), [], Effect.DENY, "default", 0, id="nothing to decide about is denied"),
        pytest.param(
            policy(ASK), [action("delete_pod")], Effect.DENY, "default", 0, id="an action that no row names is denied"
        ),
        pytest.param(policy(ASK), [action()], Effect.ASK, "ask", 1, id="the row that matches asks"),
        pytest.param(policy(ASK), [action("scale_workload")], Effect.ASK, "ask", 1, id="patterns match"),
        pytest.param(
            policy(ASK, TWO), [action(pods=11)], Effect.ASK, "two", 2, id="a larger blast radius falls to the next row"
        ),
        pytest.param(policy(ASK), [action(pods=11)], Effect.DENY, "default", 0, id="and to deny when there is none"),
        pytest.param(
            policy(DENY, TWO),
            [action(target="prod-eu/kube-system/deployment/coredns")],
            Effect.DENY,
            "system",
            0,
            id="the first row decides",
        ),
        pytest.param(
            policy(DENY, TWO),
            [action(target="prod-eu/-/node/worker-1")],
            Effect.ASK,
            "two",
            2,
            id="no namespace matches no namespace pattern",
        ),
        pytest.param(
            policy(PRE), [action("restart_workload")], Effect.ALLOW, "pre", 0, id="a pre-approval in its scope allows"
        ),
        pytest.param(
            policy(PRE),
            [action("restart_workload", target="prod-eu/bank/deployment/x")],
            Effect.DENY,
            "default",
            0,
            id="outside its scope it does not",
        ),
        pytest.param(
            policy(ASK, TWO),
            [action(), action("delete_pod")],
            Effect.ASK,
            "two",
            2,
            id="of several actions the strictest counts",
        ),
        pytest.param(
            policy(ASK, DENY),
            [action(), action("x", target="prod-eu/kube-system/pod/x")],
            Effect.DENY,
            "system",
            0,
            id="one denied action denies all",
        ),
    ],
)
def test_verdicts(
    loaded: Policy | None, actions: list[tuple[ActionRequest, BlastRadius]], effect: Effect, rule: str, approvals: int
) -> None:
    found = decide(loaded, actions=actions, now=NOW)
    assert (found.effect, found.rule, found.approvals) == (effect, rule, approvals)
    assert found.reason


def test_a_pre_approval_ends() -> None:
    assert decide(policy(PRE), actions=[action("restart_workload")], now=after(60)).effect is Effect.DENY


def test_a_pre_approval_without_an_end_never_matches() -> None:
    endless = PRE.model_copy(update={"until": None})
    assert decide(policy(endless), actions=[action("restart_workload")], now=NOW).effect is Effect.DENY


def test_somebody_must_be_allowed_to_approve_all_of_it() -> None:
    nodes = PolicyRule(name="nodes", effect=Effect.ASK, actions=("cordon_node",), approvers=("platform",))
    found = decide(policy(nodes, ASK), actions=[action(), action("cordon_node")], now=NOW)
    assert found.effect is Effect.DENY
    assert "no role may approve all of it" in found.reason


def test_roles_that_all_rows_accept_may_approve() -> None:
    found = decide(policy(ASK, TWO), actions=[action(), action("delete_pod")], now=NOW)
    assert found.approvers == ("oncall",)


def test_a_role_of_one_row_does_not_fill_the_quorum_of_another() -> None:
    """The second row wants two of on-call; an owner, whom only the first row knows, is none of them."""
    mixed = PolicyRule(
        name="mixed",
        effect=Effect.ASK,
        actions=("rollback_workload",),
        approvals=2,
        approvers=("oncall", "owner"),
        one_of_each=("oncall", "owner"),
    )
    two = PolicyRule(name="two", effect=Effect.ASK, actions=("delete_pod",), approvals=2, approvers=("oncall",))
    found = decide(policy(mixed, two), actions=[action(), action("delete_pod")], now=NOW)
    assert found.effect is Effect.DENY
    assert "no role may approve all of it" in found.reason
    one = two.model_copy(update={"approvals": 1})
    found = decide(policy(mixed, one), actions=[action(), action("delete_pod")], now=NOW)
    assert (found.effect, found.approvals, found.one_of_each) == (Effect.ASK, 2, ("oncall", "owner"))


RULES = st.builds(
    PolicyRule,
    name=st.sampled_from("abc"),
    effect=st.sampled_from([Effect.ASK, Effect.DENY, Effect.ALLOW]),
    actions=st.sampled_from([(), ("rollback_workload",), ("delete_pod",)]),
    namespaces=st.sampled_from([(), ("shop",), ("bank",)]),
    max_pods=st.sampled_from([None, 1, 10]),
    approvals=st.integers(0, 3),
    until=st.sampled_from([None, after(-1), after(60)]),
)


@given(
    st.lists(RULES, max_size=5),
    st.lists(st.sampled_from([action(), action("delete_pod"), action(pods=20)]), max_size=3),
)
def test_nothing_runs_without_a_row_that_says_so(
    rules: list[PolicyRule], actions: list[tuple[ActionRequest, BlastRadius]]
) -> None:
    """Whatever the policy: asking needs at least one person, allowing needs a pre-approval that has not ended."""
    found = decide(policy(*rules), actions=actions, now=NOW)
    if found.effect is Effect.ASK:
        assert found.approvals >= 1
        assert found.approvers
    if found.effect is Effect.ALLOW:
        assert all(
            any(r.effect is Effect.ALLOW and r.until is not None and r.until > NOW for r in rules) for _ in actions
        )
        assert actions
