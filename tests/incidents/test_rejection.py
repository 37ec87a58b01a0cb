"""What was rejected is not proposed again while the reason holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from incidents.action import ActionRequest, Fence
from incidents.canonical import digest_of
from incidents.ids import ActionKind, CauseSlug, EntityId, IncidentId, PersonId
from incidents.rejection import Candidate, Hold, Lifted, Rejection, Wish, rejection_of, remembered, same_action, why_not
from tests.incidents.making import CHECKOUT, NOW, after, person, proposal, proposed

CAUSE = CauseSlug("memory_limit_too_low")
HERE, ELSEWHERE = IncidentId("inc-aaaaaaaaaaaa"), IncidentId("inc-bbbbbbbbbbbb")
FENCE = proposed().fence
OTHER = ActionRequest(kind=ActionKind("set_resources"), target=CHECKOUT, arguments={"memory_limit": "512Mi"})


def rejected(*, hold: Hold = Hold.MONTH, actions: int = 1, **changes: Any) -> Rejection:
    more = [proposed(f"action_{number}") for number in range(1, actions)]
    made = proposal(actions=[proposed(), *more])
    wish = Wish(hold=hold)
    found = rejection_of(made, person=person("dana"), reason="payments are reconciled", at=NOW, wish=wish)
    return found.model_copy(update=changes)


def candidates(*requests: ActionRequest, fence: Fence = FENCE) -> list[Candidate]:
    return [Candidate(request=request, fence=fence) for request in requests or (proposed().request,)]


def held(
    rejection: Rejection,
    among: list[Candidate],
    *,
    cause: str = CAUSE,
    entity: str = CHECKOUT,
    incident: IncidentId = ELSEWHERE,
    days: float = 1,
) -> set[int]:
    now = NOW + timedelta(days=days)
    found = remembered(among, [rejection], cause=CauseSlug(cause), entity=EntityId(entity), incident=incident, now=now)
    return set(found)


def test_the_same_suggestion_is_not_made_again() -> None:
    assert held(rejected(), candidates(OTHER, proposed().request)) == {1}


@pytest.mark.parametrize(
    ("changes", "among"),
    [
        pytest.param({"cause": "bad_deploy"}, candidates(), id="for another cause it may be proposed"),
        pytest.param({"entity": "prod-eu/shop/deployment/cart"}, candidates(), id="elsewhere it may be proposed"),
        pytest.param({"days": 31}, candidates(), id="after a month it may be proposed"),
        pytest.param({}, candidates(OTHER), id="another action may be proposed"),
        pytest.param(
            {}, candidates(fence=FENCE.model_copy(update={"generation": 8})), id="a changed target is another matter"
        ),
        pytest.param(
            {}, candidates(fence=FENCE.model_copy(update={"uid": "uid-2"})), id="so is a target that was made anew"
        ),
    ],
)
def test_it_may_be_made_when_the_reason_no_longer_holds(changes: dict[str, Any], among: list[Candidate]) -> None:
    assert held(rejected(), among, **changes) == set()


@pytest.mark.parametrize(
    ("hold", "incident", "days", "stands"),
    [
        pytest.param(Hold.INCIDENT, HERE, 1, True, id="this incident: here"),
        pytest.param(Hold.INCIDENT, ELSEWHERE, 1, False, id="this incident: not in another"),
        pytest.param(Hold.DAY, ELSEWHERE, 0.9, True, id="a day: within it"),
        pytest.param(Hold.DAY, ELSEWHERE, 1, False, id="a day: not after it"),
        pytest.param(Hold.LIFTED, ELSEWHERE, 4000, True, id="until lifted: after ten years"),
    ],
)
def test_it_holds_as_long_as_the_person_said(hold: Hold, incident: IncidentId, days: float, stands: bool) -> None:
    assert bool(held(rejected(hold=hold), candidates(), incident=incident, days=days)) is stands


def test_what_was_lifted_no_longer_holds() -> None:
    lifted = Lifted(by=PersonId("ada@example.com"), at=after(60), because="the window is over")
    assert held(rejected(lifted=lifted), candidates()) == set()


def test_a_rejection_of_two_actions_together_says_nothing_of_one_alone() -> None:
    both = rejected(actions=2)
    assert held(both, candidates()) == set()
    assert held(both, candidates(OTHER, *(action.request for action in both.actions))) == {1, 2}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("512Mi", "530Mi", True, id="a limit that wandered by 4 % is the same suggestion"),
        pytest.param("512Mi", "768Mi", False, id="half as much again is another"),
        pytest.param("512Mi", "512Gi", False, id="another unit is another"),
        pytest.param("main", "maim", False, id="words are compared as they are"),
        pytest.param(3, 3.2, True, id="plain figures wander too"),
        pytest.param(True, 1, False, id="a switch is no figure"),
    ],
)
def test_figures_that_differ_little_are_the_same(one: object, other: object, same: bool) -> None:
    def request(value: object) -> ActionRequest:
        return ActionRequest.model_validate({"kind": "x", "target": CHECKOUT, "arguments": {"value": value}})

    assert same_action(request(one), request(other)) is same


def test_the_sentence_says_who_when_why_and_how_long() -> None:
    text = why_not(rejected())
    assert text.startswith("rejected by dana at 2026-11-17 02:47 UTC because payments are reconciled")
    assert "until 2026-12-17 02:47 UTC" in text
    assert "until somebody lifts it" in why_not(rejected(hold=Hold.LIFTED))
    assert rejected().digest != digest_of(b"")
