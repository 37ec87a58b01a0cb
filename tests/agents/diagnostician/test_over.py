"""What time says of a change: it hardly explains what began before it, and trouble that ends without it was not its."""

import pytest

from agents.diagnostician.diagnose import diagnose
from incidents.diagnosis import Hypothesis
from incidents.fact import Fact
from tests.agents.cases import LIBRARY, NOW, case, fact

ALERTING = fact("latency.elevated", 0, of="web")
RELEASED = fact("change.image_changed", -1)
TAKEN_BACK = fact("change.image_changed", -1, until=4)
FAILED = fact("errors.elevated", 0, until=4, text="checkout failed from 02:35 to 02:39")
FAILS = fact("errors.elevated", 0)
SAYS = fact("log.new_pattern", 0)
SLOW = fact("latency.elevated", 1)


def blames_the_release(*facts: Fact) -> Hypothesis:
    found = diagnose(case(ALERTING, *facts, at=["web"]), LIBRARY, now=NOW).hypotheses
    return next(one for one in found if one.cause == "bad_code_deploy")


@pytest.mark.parametrize(
    ("facts", "spared"),
    [
        pytest.param((RELEASED, FAILED), True, id="it failed while it was rolled out, and stayed"),
        pytest.param((TAKEN_BACK, FAILED), False, id="it failed until it was taken back"),
        pytest.param((RELEASED, FAILS), False, id="it fails"),
        pytest.param((RELEASED, FAILED, SLOW), False, id="it failed for a while and is slow"),
        pytest.param((RELEASED, FAILED, SAYS), False, id="it failed for a while and still says why"),
    ],
)
def test_a_release_that_stays_when_its_trouble_is_over_was_not_it(facts: tuple[Fact, ...], spared: bool) -> None:
    found = blames_the_release(*facts)
    against = [point for point in found.speaks_against if point.text.startswith("It is over although")]
    assert bool(against) == spared
    assert (found.probability < 0.5) == spared
    if spared:
        assert against[0].facts == (FAILED.id, RELEASED.id)


def test_a_change_hardly_explains_what_began_before_it() -> None:
    earlier, later = (fact("errors.elevated", at, of="web") for at in (-9, 2))
    worth = [_explaining(blames_the_release(RELEASED, FAILS, symptom)) for symptom in (earlier, later)]
    assert worth[0] < worth[1]


def _explaining(found: Hypothesis) -> float:
    return next(point.weight for point in found.speaks_for if point.text.startswith("Explains"))
