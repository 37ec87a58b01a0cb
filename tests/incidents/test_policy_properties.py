"""What holds for every policy that anybody could write: denials win, a larger change never needs fewer people."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from incidents import matrix
from incidents.action import ActionRequest, BlastRadius, Reversibility
from incidents.canonical import digest_of
from incidents.ids import ActionKind, EntityId
from incidents.policy import (
    ConsideredAction,
    Demand,
    Denial,
    Effect,
    Findings,
    Policy,
    PolicyQuestion,
    PolicyRule,
    PolicyVerdict,
)
from incidents.ruling import rule_on
from tests.incidents.making import NOW, after

KINDS, PLACES = ("rollback_workload", "delete_pod"), ("shop", "bank")
STRICTNESS = {Effect.ALLOW: 0, Effect.ASK: 1, Effect.DENY: 2}

MANY = settings(max_examples=500)
"""A counter-example needs rows and a change that fit each other."""

names = st.text("abcdefgh", min_size=1, max_size=4)
rules = st.builds(
    PolicyRule,
    name=names,
    effect=st.sampled_from(Effect),
    actions=st.sampled_from([(), (), (), (KINDS[0],), ("*_pod",)]),
    namespaces=st.sampled_from([(), (), (), ("shop",), ("b*",)]),
    services=st.sampled_from([(), (), (), ("checkout",)]),
    max_pods=st.sampled_from([None, 5, 5, 50]),
    min_confidence=st.sampled_from([None, None, 0.5]),
    reversibility=st.sampled_from([(), (), (Reversibility.EXACT,)]),
    approvals=st.integers(0, 4),
    approvers=st.sampled_from([("oncall", "owner"), ("oncall", "owner"), ("oncall",)]),
    one_of_each=st.sampled_from([(), (), ("owner",), ("oncall", "owner")]),
    until=st.sampled_from([None, after(-1), after(60)]),
)
asking = st.builds(
    PolicyRule,
    name=names,
    effect=st.sampled_from([Effect.ASK, Effect.ASK, Effect.ASK, Effect.ALLOW, Effect.DENY]),
    max_pods=st.sampled_from([None, 5, 50]),
    min_confidence=st.sampled_from([None, None, 0.5]),
    approvals=st.integers(1, 4),
    one_of_each=st.sampled_from([(), (), ("owner",), ("oncall", "owner")]),
    approvers=st.just(("oncall", "owner")),
    until=st.just(after(60)),
)
ladders = st.lists(asking, min_size=2, max_size=4, unique_by=lambda rule: rule.name)
"""Policies of which every row is about the question, so that only bounds tell them apart."""
policies = st.lists(rules, max_size=6, unique_by=lambda rule: rule.name)
actions = st.builds(
    lambda kind, namespace, service, pods, undo: ConsideredAction(
        request=ActionRequest(kind=ActionKind(kind), target=EntityId(f"prod-eu/{namespace}/deployment/{service}")),
        reach=BlastRadius(pods=pods),
        reversibility=undo,
    ),
    st.sampled_from(KINDS),
    st.sampled_from(PLACES),
    st.sampled_from(["checkout", "cart"]),
    st.sampled_from([0, 5, 6, 50, 51]),
    st.sampled_from(Reversibility),
)
questions = st.builds(
    PolicyQuestion,
    actions=st.lists(actions, min_size=1, max_size=2).map(tuple),
    at=st.just(NOW),
    confidence=st.sampled_from([0.2, 0.5, 0.9]),
)
denials = st.sampled_from([(), (), (), (Denial(name="freeze", why="a freeze"),)])
demands = st.lists(st.builds(Demand, name=names, why=names, add=st.integers(1, 3)), max_size=3).map(tuple)
found = st.builds(Findings, denials=denials, demands=demands)


def policy(loaded: list[PolicyRule]) -> Policy:
    return Policy(rules=tuple(loaded), version=digest_of(b"p"), source="policy.yaml")


def strictness(verdict: PolicyVerdict) -> tuple[int, int]:
    """Effect first, then the number of people."""
    return STRICTNESS[verdict.effect], verdict.approvals


@MANY
@given(st.one_of(policies, ladders), rules, st.integers(0, 6), questions, found)
def test_a_row_that_denies_never_allows_anything(
    loaded: list[PolicyRule], more: PolicyRule, where: int, question: PolicyQuestion, said: Findings
) -> None:
    deny = more.model_copy(update={"name": "the new row", "effect": Effect.DENY})
    before = rule_on(policy(loaded), question, found=said)
    after_it = rule_on(policy([*loaded[:where], deny, *loaded[where:]]), question, found=said)
    assert strictness(after_it) >= strictness(before)


def _row(name: str, effect: Effect, *, max_pods: int | None) -> PolicyRule:
    return PolicyRule(name=name, effect=effect, max_pods=max_pods, approvals=1, approvers=("oncall",), until=after(60))


def _rollback(pods: int) -> ConsideredAction:
    request = ActionRequest(kind=KINDS[0], target=EntityId("prod-eu/shop/deployment/checkout"))
    return ConsideredAction(request=request, reach=BlastRadius(pods=pods), reversibility=Reversibility.EXACT)


OUTGROWN = [
    _row("small", Effect.ALLOW, max_pods=50),
    _row("asked", Effect.ASK, max_pods=5),
    _row("any", Effect.ALLOW, max_pods=None),
]
"""A change that outgrows the first row is asked about for the second's sake, though the third allows it."""


@MANY
@example(
    OUTGROWN,
    PolicyQuestion(actions=(_rollback(0), _rollback(50)), at=NOW, confidence=0.9),
    1,
    Findings(demands=(Demand(name="late", why="it is late", add=1),)),
)
@given(ladders, questions, st.sampled_from([1, 10, 60]), found)
def test_a_larger_change_never_needs_fewer_people(
    loaded: list[PolicyRule], question: PolicyQuestion, by: int, said: Findings
) -> None:
    grown = tuple(
        action.model_copy(update={"reach": action.reach.model_copy(update={"pods": action.reach.pods + by})})
        for action in question.actions
    )
    small = rule_on(policy(loaded), question, found=said)
    large = rule_on(policy(loaded), question.model_copy(update={"actions": grown}), found=said)
    assert strictness(large) >= strictness(small)


@MANY
@given(ladders, questions, st.sampled_from([0.1, 0.4, 0.8]), found)
def test_a_less_certain_diagnosis_never_needs_fewer_people(
    loaded: list[PolicyRule], question: PolicyQuestion, confidence: float, said: Findings
) -> None:
    doubtful = question.model_copy(update={"confidence": min(confidence, question.confidence)})
    sure = rule_on(policy(loaded), question, found=said)
    assert strictness(rule_on(policy(loaded), doubtful, found=said)) >= strictness(sure)


@given(policies, questions, found, found)
def test_a_finding_never_makes_a_verdict_milder(
    loaded: list[PolicyRule], question: PolicyQuestion, said: Findings, more: Findings
) -> None:
    both = Findings(denials=(*said.denials, *more.denials), demands=(*said.demands, *more.demands))
    alone = rule_on(policy(loaded), question, found=said)
    assert strictness(rule_on(policy(loaded), question, found=both)) >= strictness(alone)


@given(policies, st.lists(actions, min_size=1, max_size=2), actions)
def test_one_more_action_never_makes_a_verdict_milder(
    loaded: list[PolicyRule], before: list[ConsideredAction], more: ConsideredAction
) -> None:
    some = PolicyQuestion(actions=tuple(before), at=NOW)
    all_of_it = PolicyQuestion(actions=(*before, more), at=NOW)
    assert strictness(matrix.decide(policy(loaded), all_of_it)) >= strictness(matrix.decide(policy(loaded), some))


@given(questions, found)
def test_what_no_row_names_is_denied(question: PolicyQuestion, said: Findings) -> None:
    assert rule_on(None, question, found=said).effect is Effect.DENY
    assert rule_on(policy([]), question, found=said).effect is Effect.DENY


@given(policies, questions, found)
def test_asking_needs_somebody_and_allowing_a_preapproval(
    loaded: list[PolicyRule], question: PolicyQuestion, said: Findings
) -> None:
    verdict = rule_on(policy(loaded), question, found=said)
    allowing = {rule.name for rule in loaded if rule.effect is Effect.ALLOW and rule.until and rule.until > NOW}
    match verdict.effect:
        case Effect.ASK:
            assert verdict.approvals >= max(1, len(verdict.one_of_each))
            assert set(verdict.one_of_each) <= set(verdict.approvers) != set()
        case Effect.ALLOW:
            assert {one.name for one in verdict.preapprovals} <= allowing
            assert verdict.preapprovals
            assert not said.denials
            assert not said.demands
        case Effect.DENY:
            assert verdict.approvals == 0
