"""Every scenario that comes with Midwatch, played through the whole product: the world served, the decision by the API."""

from pathlib import Path

import pytest
from rich.console import Console

import evals
from incidents.incident import Phase
from service.demo.command import Options, play
from worlds.scenario.load import load_scenario
from worlds.scenario.scenario import Scenario, Truth

FOLDER = Path(evals.__file__).parent / "scenarios"
RATE = 30.0
FILES = sorted(path for path in FOLDER.glob("*/*.yaml") if path.parent.name != "estates")
BROKEN = [path for path in FILES if load_scenario(path).truth.cause]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
async def test_the_cause_is_found_and_nothing_is_harmed(path: Path) -> None:
    scenario = load_scenario(path)
    outcome = await play(Options(headless=True, scenario=path, rate=RATE, port=0), Console(quiet=True))
    assert (outcome.cause, outcome.entity) in causes(scenario), outcome
    for step in outcome.execution:
        assert step.action not in scenario.truth.must_not
        assert not scenario.truth.actions or step.action in scenario.truth.actions
    if outcome.proposal is None:
        assert outcome.phase is Phase.ESCALATED, outcome
    else:
        assert outcome.phase is Phase.VERIFIED, outcome


def causes(scenario: Scenario) -> list[tuple[str, str]]:
    """The true causes with their entities, as the product writes them."""
    cluster = scenario.estate.cluster
    truths: list[Truth] = [
        scenario.truth,
        *(Truth(cause=other.cause, entity=other.entity) for other in scenario.truth.also),
    ]
    return [(truth.cause, f"{cluster}/{truth.entity}") for truth in truths]
