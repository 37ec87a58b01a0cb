"""A proposal can only become narrower: said by tables, and by properties over random proposals and wishes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from incidents.narrowing import Narrower, NotNarrower, StepWish, Wanted, narrow, widened
from incidents.proposal import Proposal, ProposalBody
from incidents.stricter import CheckWish
from incidents.verification import Check, CheckRole, Comparison
from tests.incidents.making import CHECKOUT, NOW, check, proposed
from tests.incidents.narrowings import becoming, bodies, body, likely, memory, one_of_each, scale, step, wishes

CART = "prod-eu/shop/deployment/cart"
QUIET = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def instead(number: int = 1, **arguments: Any) -> Wanted:
    return Wanted(arguments=(StepWish(step=number, arguments=arguments),))


def tighter(number: int = 1, **changes: Any) -> Wanted:
    return Wanted(checks=(CheckWish(check=number, **changes),))


SILENCE = step("silence_alert", alertname="HighErrors", duration_minutes=120)
SYNC = step("argocd_sync", objects="a/b/service/c,a/b/ingress/d")
NODES = [step("cordon_node", target=f"prod-eu/-/node/worker-{n}", summary=f"Cordon node worker-{n}") for n in (1, 2)]
ALL = check(CheckRole.GUARD, measure="latency_p99", unit="seconds", threshold=0.41, baseline=0.24, text="p99 < 410 ms")


@pytest.mark.parametrize(
    ("before", "wanted", "differences"),
    [
        pytest.param(body(scale()), instead(replicas=8), ["replicas of checkout 12 -> 8"], id="8 pods instead of 12"),
        pytest.param(body(scale()), instead(replicas="8"), ["replicas of checkout 12 -> 8"], id="as a form says it"),
        pytest.param(body(scale(12, 4)), instead(replicas=6), ["replicas of checkout 4 -> 6"], id="a smaller step down"),
        pytest.param(body(memory()), instead(memory_limit="1Gi"), ["memory limit of checkout 2Gi -> 1Gi"], id="1Gi, not 2"),
        pytest.param(
            body(memory("2Gi", "512Mi")), instead(memory_limit="1.5Gi"), ["memory limit of checkout 512Mi -> 1536Mi"],
            id="a request that is lowered less",
        ),
        pytest.param(
            body(memory(memory_request="1Gi")), instead(memory_request=None),
            ["memory request of checkout 1Gi -> as it is now"], id="one of two left as it is",
        ),
        pytest.param(
            body(SILENCE), instead(duration_minutes=30), ["duration minutes of checkout 120 min -> 30 min"],
            id="half an hour of silence",
        ),
        pytest.param(
            body(SYNC), instead(objects="a/b/ingress/d"),
            ["objects of checkout a/b/service/c,a/b/ingress/d -> a/b/ingress/d"], id="one object of two",
        ),
        pytest.param(body(*NODES), Wanted(steps=(2,)), ["left out: Cordon node worker-1"], id="one node of two"),
        pytest.param(
            body(scale(), *NODES), Wanted(steps=(1,)),
            ["left out: Cordon node worker-1", "left out: Cordon node worker-2"], id="the first of three steps",
        ),
        pytest.param(body(), Wanted(watch_seconds=1200), ["watched for 10 min -> 20 min"], id="a longer watch"),
        pytest.param(
            body(), Wanted(expires_at=NOW + timedelta(minutes=5)), ["decide by 03:02:00 -> 02:52:00 UTC"],
            id="a shorter life",
        ),
        pytest.param(
            body(), tighter(threshold=0.003), ["check 5xx < 0.5 % -> 5xx < 0.5 %; tightened to 0.3 %"],
            id="a stricter success",
        ),
        pytest.param(
            body(checks=(ALL,)), tighter(threshold=0.3), ["check p99 < 410 ms -> p99 < 410 ms; tightened to 300 ms"],
            id="a stricter guard",
        ),
    ],
)  # fmt: skip
def test_what_is_narrower_may_be_chosen(before: ProposalBody, wanted: Wanted, differences: list[str]) -> None:
    found = narrow(before, wanted, now=NOW)
    assert isinstance(found, Narrower), found
    assert [one.text for one in found.differences] == differences
    assert widened(before, becoming(before, found)) == ()


@pytest.mark.parametrize(
    ("before", "wanted", "field", "why"),
    [
        pytest.param(body(scale()), instead(replicas=13), "1.replicas", "choose 5 to 12 (4 now)", id="more pods"),
        pytest.param(body(scale()), instead(replicas=4), "1.replicas", "choose 5 to 12 (4 now)", id="as many as now"),
        pytest.param(body(scale()), instead(replicas=2), "1.replicas", "choose 5 to 12 (4 now)", id="the other way"),
        pytest.param(body(scale(12, 4)), instead(replicas=3), "1.replicas", "choose 4 to 11 (12 now)", id="further down"),
        pytest.param(body(scale()), instead(replicas=-8), "1.replicas", "is no whole number", id="a negative number"),
        pytest.param(body(scale()), instead(replicas="8; rm -rf"), "1.replicas", "is no whole number", id="a sentence"),
        pytest.param(body(scale()), instead(replicas=True), "1.replicas", "is no whole number", id="yes as a number"),
        pytest.param(body(scale()), instead(replicas=7.5), "1.replicas", "is no whole number", id="half a pod"),
        pytest.param(body(scale()), instead(replicas=None), "1.replicas", "cannot be left out", id="no number at all"),
        pytest.param(body(scale()), instead(force=True), "1.force", "cannot be changed", id="an argument of its own"),
        pytest.param(
            body(proposed()), instead(to_revision=40), "1.to_revision", "what can: nothing of this step",
            id="another revision",
        ),
        pytest.param(
            body(memory()), instead(container="sidecar"), "1.container", "what can: memory limit",
            id="another container",
        ),
        pytest.param(body(memory()), instead(memory_limit="4Gi"), "1.memory_limit", "up to 2Gi", id="more memory"),
        pytest.param(body(memory()), instead(memory_limit="1"), "1.memory_limit", "whole mebibytes", id="one byte"),
        pytest.param(
            body(memory(None)), instead(memory_limit="1Gi"), "1.memory_limit", "cannot be changed",
            id="a limit where there is none now: nothing is between",
        ),
        pytest.param(
            body(memory(memory_request="1Gi")), instead(memory_limit=None, memory_request=None), "1",
            "nothing would be left to do", id="everything left out",
        ),
        pytest.param(
            body(SILENCE), instead(duration_minutes=121), "1.duration_minutes", "choose 1 to 120 min", id="longer silence"
        ),
        pytest.param(body(SILENCE), instead(alertname="All"), "1.alertname", "cannot be changed", id="another alert"),
        pytest.param(body(SYNC), instead(objects="a/b/service/x"), "1.objects", "some of a/b/service/c", id="another object"),
        pytest.param(body(SYNC), instead(objects=" , "), "1.objects", "name at least one", id="no object"),
        pytest.param(body(*NODES), Wanted(steps=()), "steps", "Keep at least one step", id="no step"),
        pytest.param(body(*NODES), Wanted(steps=(1, 3)), "steps", "There is no step 3", id="one more step"),
        pytest.param(
            body(scale(), step("restart_workload"), *NODES), Wanted(steps=(2, 3)), "steps",
            "Step 2 (restart_workload checkout) needs step 1 (Scale checkout from 4 to 12)",
            id="a step without the one that it builds on",
        ),
        pytest.param(body(), instead(9, replicas=8), "9", "There is no step 9", id="an argument of no step"),
        pytest.param(body(), Wanted(watch_seconds=300), "watch_seconds", "10 min: choose that or longer", id="shorter watch"),
        pytest.param(body(), Wanted(watch_seconds=86400), "watch_seconds", "up to 240 min", id="a watch of a day"),
        pytest.param(
            body(), Wanted(expires_at=NOW + timedelta(hours=1)), "expires_at", "can only expire earlier", id="a longer life"
        ),
        pytest.param(body(), Wanted(expires_at=NOW), "expires_at", "can only expire earlier", id="over at once"),
        pytest.param(
            body(expires_at=NOW + timedelta(seconds=59)), instead(replicas=8), "", "Less than a minute is left",
            id="too late to preview it",
        ),
        pytest.param(body(), tighter(threshold=0.01), "check.1", "1 % is not stricter", id="a milder success"),
        pytest.param(body(), tighter(threshold=-0.01), "check.1", "would fail at once", id="less than no errors"),
        pytest.param(body(checks=(ALL,)), tighter(threshold=0.5), "check.1", "240 ms to 410 ms", id="a milder guard"),
        pytest.param(
            body(checks=(ALL,)), tighter(threshold=0.1), "check.1", "would fail at once",
            id="a guard below what is now would undo anything",
        ),
        pytest.param(body(), tighter(hold_seconds=900), "check.1", "half of the watch", id="a hold longer than the watch"),
        pytest.param(body(), tighter(2, threshold=0.1), "check.2", "There is no check 2", id="another check"),
        pytest.param(body(), Wanted(), "", "Nothing is changed", id="nothing"),
        pytest.param(body(scale()), instead(replicas=12), "", "Nothing is changed", id="what is proposed"),
        pytest.param(body(scale()), Wanted(steps=(1,)), "", "Nothing is changed", id="the only step"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_what_is_allowed(
    before: ProposalBody, wanted: Wanted, field: str, why: str
) -> None:
    found = narrow(before, wanted, now=NOW)
    assert isinstance(found, NotNarrower), found
    assert [(problem.field, why in problem.why) for problem in found.problems] == [(field, True)], found


def test_every_problem_is_told_at_once() -> None:
    found = narrow(body(scale(), *NODES), Wanted(steps=(1, 9), arguments=(StepWish(step=1, arguments={"replicas": 99}),)), now=NOW)  # fmt: skip
    assert isinstance(found, NotNarrower)
    assert [problem.field for problem in found.problems] == ["steps", "1.replicas"]


def test_what_a_step_that_is_left_out_was_to_bring_is_not_asked_any_more() -> None:
    both = (check(text="checkout works"), check(entity=CART, text="cart works"), ALL)
    alerts = check(measure="alert_resolved", unit="alerts", threshold=0, text="no alert fires")
    before = body(scale(), scale(target=CART), checks=(*both, alerts))
    found = narrow(before, Wanted(steps=(1,)), now=NOW)
    assert isinstance(found, Narrower)
    assert [one.text for one in found.checks] == ["checkout works", "p99 < 410 ms"]
    assert [one.text for one in found.differences if one.step is None] == [
        "not asked any more: cart works",
        "not asked any more: no alert fires",
    ]


def test_success_is_never_left_unsaid() -> None:
    before = body(scale(), scale(target=CART), checks=(check(entity=CART, text="cart works"), ALL))
    found = narrow(before, Wanted(steps=(1,)), now=NOW)
    assert isinstance(found, Narrower)
    assert found.checks == before.checks


def test_a_target_that_moved_past_the_choice_is_found_when_it_is_looked_at_again() -> None:
    before = body(scale(4, 12))
    narrower = narrow(before, instead(replicas=8), now=NOW)
    assert isinstance(narrower, Narrower)
    moved = becoming(body(scale(10, 12)), narrower)
    assert widened(before, moved) == ("Scale checkout from 10 to 12: replicas 8 is not narrower (5 to 12 (4 now))",)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(body(scale(4, 13)), id="more pods"),
        pytest.param(body(scale(target=CART)), id="another target"),
        pytest.param(body(scale(), *NODES), id="another step"),
        pytest.param(body(step("restart_workload")), id="another action"),
        pytest.param(body(checks=()), id="a check less"),
        pytest.param(body(checks=(check(threshold=0.01),)), id="a milder check"),
        pytest.param(body(checks=(check(comparison=Comparison.AT_LEAST),)), id="a check turned around"),
        pytest.param(body(watch_seconds=599), id="a shorter watch"),
        pytest.param(body(expires_at=NOW + timedelta(seconds=901)), id="a longer life"),
        pytest.param(body(cause="disk_full"), id="another cause"),
        pytest.param(body(step("scale_workload", state={"replicas": 4}, replicas=12, force=True)), id="one more argument"),
    ],
)  # fmt: skip
def test_a_sealed_proposal_that_is_wider_is_known(after: ProposalBody) -> None:
    assert widened(body(), after)


def test_a_tightened_check_says_so_once() -> None:
    before, said = body(), []
    for threshold, hold in ((0.004, None), (0.002, 300)):
        found = narrow(before, tighter(threshold=threshold, hold_seconds=hold), now=NOW)
        assert isinstance(found, Narrower)
        before = becoming(before, found)
        said.append(before.checks[0].text)
    assert said == ["5xx < 0.5 %; tightened to 0.4 %", "5xx < 0.5 %; tightened to 0.2 % for 5 min"]


@QUIET
@given(bodies(), wishes)
def test_whatever_is_accepted_is_narrower(before: ProposalBody, wanted: Wanted) -> None:
    found = narrow(before, wanted, now=NOW)
    if isinstance(found, Narrower):
        assert widened(before, becoming(before, found)) == ()


@QUIET
@given(likely())
def test_what_lies_within_the_bounds_is_narrower_or_refused(pair: tuple[ProposalBody, Wanted]) -> None:
    before, wanted = pair
    found = narrow(before, wanted, now=NOW)
    if isinstance(found, Narrower):
        assert widened(before, becoming(before, found)) == ()


@QUIET
@given(likely(), st.data())
def test_narrower_of_narrower_is_narrower(pair: tuple[ProposalBody, Wanted], data: st.DataObject) -> None:
    bodies_ = [pair[0]]
    wanted = pair[1]
    for _ in range(3):
        found = narrow(bodies_[-1], wanted, now=NOW)
        if not isinstance(found, Narrower):
            break
        bodies_.append(becoming(bodies_[-1], found))
        wanted = data.draw(st.composite(one_of_each)(bodies_[-1]))
    assume(len(bodies_) > 2)
    assert widened(bodies_[0], bodies_[-1]) == ()


def of(name: str) -> str:
    return f"prod-eu/shop/deployment/{name}"


@pytest.mark.parametrize("measures", [("error_rate", "error_rate"), ("alert_resolved", "error_rate")])
def test_steps_may_go_one_after_the_other_until_none_is_left_that_a_success_is_about(measures: tuple[str, str]) -> None:
    steps = [step("restart_workload", target=of(name)) for name in ("checkout", "cart", "web")]
    successes = [check(entity=of(name), measure=one) for name, one in zip(("checkout", "cart"), measures, strict=True)]
    before = body(*steps, checks=tuple(successes))
    without_checkout = becoming(before, accepted(before, Wanted(steps=(2, 3))))
    web = becoming(without_checkout, accepted(without_checkout, Wanted(steps=(2,))))
    assert web.checks == (successes[1],)
    assert widened(before, web) == ()
    forged = web.model_copy(update={"checks": ()})
    assert widened(before, forged) == ("nothing is left that says what success is",)


def accepted(before: ProposalBody, wanted: Wanted) -> Narrower:
    found = narrow(before, wanted, now=NOW)
    assert isinstance(found, Narrower), found
    return found


@QUIET
@given(likely())
def test_a_narrower_proposal_has_another_digest(pair: tuple[ProposalBody, Wanted]) -> None:
    before, wanted = pair
    found = narrow(before, wanted, now=NOW)
    assume(isinstance(found, Narrower))
    assert isinstance(found, Narrower)
    assert Proposal.of(before).digest != Proposal.of(becoming(before, found)).digest


@QUIET
@given(bodies(), st.integers(0, 4), st.sampled_from(["replicas", "memory_limit", "duration_minutes"]))
def test_more_of_anything_is_refused(before: ProposalBody, at: int, name: str) -> None:
    assume(at < len(before.actions) and name in before.actions[at].request.arguments)
    bound = next((one for one in before.actions[at].bounds if one.argument == name), None)
    given_ = int(str(before.actions[at].request.arguments[name]).removesuffix("Mi"))
    up = bound is None or bound.present is None or int(str(bound.present).removesuffix("Mi")) < given_
    more = given_ + 1 if up else given_ - 1
    wanted = instead(at + 1, **{name: f"{more}Mi" if name == "memory_limit" else more})
    assert isinstance(narrow(before, wanted, now=NOW), NotNarrower)


def test_checks_are_told_in_their_own_units() -> None:
    slow: Check = check(CheckRole.GUARD, unit="seconds", threshold=1.2, baseline=None, entity=CHECKOUT, text="p99")
    found = narrow(body(checks=(slow,)), tighter(threshold=2), now=NOW)
    assert isinstance(found, NotNarrower)
    assert found.message == "p99: 2 s is not stricter: choose 0 ms to 1.2 s."
