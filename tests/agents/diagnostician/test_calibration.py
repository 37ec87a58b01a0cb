"""What is told of a probability: sharper than argued, in the same order, on the same side of a half, never certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.challenger import challenge
from agents.diagnostician.calibration import as_stated, stated
from agents.diagnostician.diagnose import diagnose
from agents.diagnostician.weights import MOST_SURE
from incidents.diagnosis import Engine
from tests.agents.cases import LIBRARY, NOW, case, fact

CHANCES = st.floats(min_value=0, max_value=1)


@given(CHANCES, CHANCES)
def test_the_order_stays(one: float, other: float) -> None:
    assert (one <= other) <= (stated(one) <= stated(other))


@given(CHANCES)
def test_what_is_likelier_than_not_stays_so_and_nothing_is_certain(chance: float) -> None:
    told = stated(chance)
    assert 0 <= told <= MOST_SURE
    assert (told >= 0.5) == (chance >= 0.5 or told == 0.5)


@pytest.mark.parametrize(("argued", "told"), [(0.5, 0.5), (0.75, 0.8477), (0.25, 0.1523), (0.999, MOST_SURE)])
def test_what_is_told(argued: float, told: float) -> None:
    assert stated(argued) == told


CASE = case(
    fact("errors.elevated", 0),
    fact("container.oom_killed", 0),
    fact("change.memory_limit_lowered", -2),
    fact("traffic.surge", -1, strength=0.8),
)


def test_the_verdict_stays_and_the_numbers_are_told_once() -> None:
    argued = diagnose(CASE, LIBRARY, now=NOW)
    told = challenge(CASE, argued, LIBRARY, now=NOW).diagnosis
    assert told.verdict is argued.verdict
    assert [(h.cause, h.entity) for h in told.hypotheses] == [(h.cause, h.entity) for h in argued.hypotheses]
    assert told.hypotheses[-1].probability == stated(argued.hypotheses[-1].probability)


def test_a_models_own_probabilities_are_left_alone() -> None:
    argued = diagnose(CASE, LIBRARY, now=NOW).model_copy(update={"engine": Engine.MODEL})
    assert as_stated(argued) == argued
