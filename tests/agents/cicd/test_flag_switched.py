"""A flag is held against whoever asks for it, at the time of its switch; flags that nobody here asks for are left out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.cicd.detectors import flag_switched
from tests.agents.cases import ONSET
from tests.agents.cases import entity as entity_id
from tests.agents.observability.seeing import CHECKOUT, facts, seen
from tools.flags.client import FlagChange
from tools.flags.probes.changes import FlagsView, SwitchedFlag


def switched(flag: str, *applications: str, minutes: float = -2, what: str = "on") -> SwitchedFlag:
    change = FlagChange(
        flag=flag, what=what, at=ONSET + timedelta(minutes=minutes), environment="production", actor="ada"
    )
    return SwitchedFlag(change=change, applications=applications)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(switched("fast-lane", "checkout"), [CHECKOUT], id="a flag that the affected workload asks for"),
        pytest.param(switched("fast-lane", "somebody-else"), [], id="an application that no workload is called like"),
        pytest.param(switched("fast-lane"), [], id="nobody asks for it"),
        pytest.param(switched("fast-lane", "checkout", minutes=-9 * 24 * 60), [], id="more than a week ago"),
    ],
)
def test_whose_flag_it_is(one: SwitchedFlag, expected: list[str]) -> None:
    found = facts(flag_switched.DETECTOR, seen(FlagsView(switched=(one,))))
    assert [fact.entity for fact in found] == expected


def test_a_switch_says_what_became_of_it_when_and_by_whom() -> None:
    (fact,) = facts(flag_switched.DETECTOR, seen(FlagsView(switched=(switched("fast-lane", "checkout", what="off"),))))
    assert (fact.kind, fact.at) == ("change.flag", ONSET - timedelta(minutes=2))
    assert {key: fact.attributes[key] for key in ("flag", "actor", "after")} == {
        "flag": "fast-lane",
        "actor": "ada",
        "after": "off",
    }
    assert "revision" not in fact.attributes, "nothing was rolled out: there is no revision to go back to"
    assert entity_id("checkout").rpartition("/")[2] in fact.text
