"""Whether somebody who narrowed a proposal may approve it: the policy says so, and the strictest of its rows counts."""

from __future__ import annotations

import pytest

from incidents.approval import Accepted, Choice, Refusal, Refused, judge, may_change
from incidents.explaining import explain
from incidents.ids import ActionKind, ProposalDigest
from incidents.matrix import decide
from incidents.narrowed import Difference, Narrowing, OwnChange
from incidents.policy import ConsideredAction, Effect, Findings, Policy, PolicyQuestion, PolicyRule
from incidents.proposal import ProposalBody, ProposalStatus
from tests.incidents.making import NOW, after, person, proposal, proposed, verdict


def by(*names: str) -> tuple[Narrowing, ...]:
    difference = Difference(step=1, what="replicas of checkout", before="12", after="8")
    return tuple(
        Narrowing(of=ProposalDigest(f"sha256:{n}"), by=person(name).id, name=name, at=NOW, differences=(difference,))
        for n, name in enumerate(names)
    )


def narrowed(own: OwnChange, *, approvals: int, each: tuple[str, ...] = (), names: tuple[str, ...] = ("dana",)) -> ProposalBody:  # fmt: skip
    policy = verdict(approvals=approvals).model_copy(update={"own_change": own, "one_of_each": each})
    return proposal().body.model_copy(update={"policy": policy, "narrowings": by(*names)})


def answer(body: ProposalBody, who: str, choice: Choice = Choice.APPROVE) -> Accepted | Refused:
    return judge(
        body,
        status=ProposalStatus.PENDING,
        decided=(),
        requested_by=None,
        person=person(who),
        choice=choice,
        reason="because",
        now=after(1),
    )


@pytest.mark.parametrize(
    ("own", "approvals", "each", "may"),
    [
        pytest.param(OwnChange.ALONE, 1, (), True, id="alone: where one approval is enough"),
        pytest.param(OwnChange.ALONE, 2, (), False, id="alone: not where two are asked"),
        pytest.param(OwnChange.ALONE, 1, ("oncall", "owner"), False, id="alone: not where one of each is asked"),
        pytest.param(OwnChange.NEVER, 1, (), False, id="never"),
        pytest.param(OwnChange.ALWAYS, 2, (), True, id="always: counts as one of two"),
    ],
)
@pytest.mark.parametrize("spelling", ["dana", "DANA"])
def test_who_narrowed_it(own: OwnChange, approvals: int, each: tuple[str, ...], spelling: str, *, may: bool) -> None:
    found = answer(narrowed(own, approvals=approvals, each=each), spelling)
    assert isinstance(found, Accepted) is may
    if isinstance(found, Refused):
        assert found.refusal is Refusal.OWN_REQUEST
        assert "narrowed this proposal" in found.message
    assert isinstance(answer(narrowed(own, approvals=approvals, each=each), "lee"), Accepted)
    assert isinstance(answer(narrowed(own, approvals=approvals), "dana", Choice.REJECT), Accepted), "they may reject it"


def test_everybody_who_narrowed_it_on_the_way_counts() -> None:
    body = narrowed(OwnChange.NEVER, approvals=1, names=("dana", "lee"))
    assert isinstance(answer(body, "dana"), Refused)
    assert isinstance(answer(body, "lee"), Refused)
    assert isinstance(answer(body, "ada"), Accepted)


@pytest.mark.parametrize(
    ("who", "status", "seconds", "refusal"),
    [
        pytest.param(person("dana"), ProposalStatus.PENDING, 1, None, id="on call"),
        pytest.param(person("eve", "viewer"), ProposalStatus.PENDING, 1, Refusal.MISSING_ROLE, id="a viewer"),
        pytest.param(person("bot", "oncall", bot=True), ProposalStatus.PENDING, 1, Refusal.BOT, id="a bot"),
        pytest.param(person("dana"), ProposalStatus.APPROVED, 1, Refusal.NOT_PENDING, id="approved already"),
        pytest.param(person("dana"), ProposalStatus.DENIED, 1, Refusal.POLICY_DENIES, id="denied by policy"),
        pytest.param(person("dana"), ProposalStatus.PENDING, 900, Refusal.EXPIRED, id="at its expiry"),
    ],
)
def test_who_may_change_it_and_when(
    who: object, status: ProposalStatus, seconds: float, refusal: Refusal | None
) -> None:
    found = may_change(proposal().body, status=status, person=who, now=after(seconds))  # type: ignore[arg-type] # a table
    assert (found.refusal if found else None) == refusal


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((OwnChange.ALWAYS, OwnChange.ALONE), OwnChange.ALONE),
        ((OwnChange.NEVER, OwnChange.ALWAYS), OwnChange.NEVER),
        ((OwnChange.ALWAYS, OwnChange.ALWAYS), OwnChange.ALWAYS),
    ],
)
def test_of_several_rows_the_strictest_counts(rows: tuple[OwnChange, ...], expected: OwnChange) -> None:
    kinds = ("scale_workload", "restart_workload")
    policy = Policy(
        rules=tuple(
            PolicyRule(name=kind, actions=(kind,), effect=Effect.ASK, own_change=own)
            for kind, own in zip(kinds, rows, strict=True)
        ),
        version=verdict().version,
        source="policy.yaml",
    )
    request = proposed().request
    actions = tuple(ConsideredAction(request=request.model_copy(update={"kind": ActionKind(kind)})) for kind in kinds)
    assert decide(policy, PolicyQuestion(actions=actions, at=NOW)).own_change is expected


@pytest.mark.parametrize(
    ("approvals", "own", "counts"),
    [(1, OwnChange.ALONE, True), (2, OwnChange.ALONE, False), (2, OwnChange.ALWAYS, True), (1, OwnChange.NEVER, False)],
)
def test_the_explanation_says_whose_approval_counts(approvals: int, own: OwnChange, *, counts: bool) -> None:
    request = proposed().request
    policy = Policy(
        rules=(
            PolicyRule(name="row", actions=(request.kind,), effect=Effect.ASK, approvals=approvals, own_change=own),
        ),
        version=verdict().version,
        source="policy.yaml",
    )
    question = PolicyQuestion(actions=(ConsideredAction(request=request),), at=NOW)
    needed = explain(policy, question, found=Findings()).needed
    assert needed.startswith(f"{approvals} of on-call; somebody who makes it smaller")
    assert needed.endswith("may still approve it" if counts else "others approve it")
