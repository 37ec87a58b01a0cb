"""What is typed into the form that narrows a proposal: in the units that its hints show."""

from __future__ import annotations

from datetime import timedelta

import pytest

from incidents.narrowing import NotNarrower
from incidents.proposal import ProposalBody
from incidents.verification import CheckRole
from service.story.changing import fields_of, wanted_of
from tests.incidents.making import NOW, check, proposal


def with_check(unit: str, threshold: float) -> ProposalBody:
    guard = check(CheckRole.GUARD, unit=unit, threshold=threshold, baseline=threshold / 2, healthy=threshold / 4)
    changes = {"checks": (guard,), "expires_at": NOW + timedelta(minutes=15)}
    return proposal().body.model_copy(update=changes)


@pytest.mark.parametrize(
    ("unit", "threshold", "hint", "typed", "wanted"),
    [
        pytest.param("seconds", 3.2, "a number alone is in s", "2.8", 2.8, id="seconds where seconds are shown"),
        pytest.param("seconds", 3.2, "a number alone is in s", "2800 ms", 2.8, id="another unit, written behind it"),
        pytest.param("seconds", 0.45, "a number alone is in ms", "400", 0.4, id="milliseconds where they are shown"),
        pytest.param("seconds", 0.45, "a number alone is in ms", "0.4s", 0.4, id="seconds, written behind it"),
        pytest.param("ratio", 0.05, "a number alone is in %", "4", 0.04, id="percents"),
        pytest.param("ratio", 0.05, "a number alone is in %", "4 %", 0.04, id="percents with their sign"),
        pytest.param("pods", 6, "", "5", 5.0, id="what is counted has no unit"),
    ],
)
def test_a_threshold_is_typed_as_it_is_shown(unit: str, threshold: float, hint: str, typed: str, wanted: float) -> None:
    proposed = with_check(unit, threshold)
    [field] = [one for one in fields_of(proposed, now=NOW) if one.name == "check.1"]
    assert hint in field.hint
    assert ("alone" in field.hint) is bool(hint)
    found = wanted_of(proposed, {"check.1": typed}, now=NOW)
    assert not isinstance(found, NotNarrower)
    assert [one.threshold for one in found.checks] == [pytest.approx(wanted)]


def test_what_is_no_number_is_said() -> None:
    found = wanted_of(with_check("seconds", 3.2), {"check.1": "fast"}, now=NOW)
    assert isinstance(found, NotNarrower)
    assert found.problems[0].field == "check.1"
