"""The same scenario gives the same world, whatever the steps in which its time was advanced."""

import hashlib
import json
from pathlib import Path

import pytest

from worlds.estate.simulation import Simulation
from worlds.objects.kinds import KINDS
from worlds.scenario.load import load_scenario
from worlds.telemetry.logbook import LogBook

REFERENCE = Path(__file__).parents[2] / "evals" / "scenarios" / "bad-deploy" / "checkout-memory-limit.yaml"


def everything(simulation: Simulation) -> str:
    """A digest of all objects, all recorded figures, all commits and the log of one crashed pod."""
    digest = hashlib.sha256()
    for kind in KINDS:
        if not kind.stored_as:
            for obj in simulation.cluster.store.every(kind):
                digest.update(json.dumps(obj, sort_keys=True).encode())
    for uid in sorted(simulation.tape.columns):
        digest.update(simulation.tape.pod(uid).rows.tobytes())
    for repository in simulation.forge.repositories.values():
        digest.update(repository.head.sha.encode())
    book = LogBook(simulation)
    for uid in sorted(simulation.tape.columns)[:12]:
        lines = book.lines(uid, start=simulation.at(-300), end=simulation.at(0))
        digest.update("\n".join(line.text for line in lines).encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def whole() -> str:
    simulation = Simulation(load_scenario(REFERENCE))
    simulation.advance(simulation.at(60))
    return everything(simulation)


@pytest.mark.parametrize("step", [1.0, 7.3, 15.0, 61.0, 900.0], ids=lambda step: f"in steps of {step} s")
def test_the_steps_do_not_matter(whole: str, step: float) -> None:
    simulation = Simulation(load_scenario(REFERENCE))
    at = simulation.at(-780)
    while at < simulation.at(60):
        simulation.advance(at)
        at += step
    simulation.advance(simulation.at(60))
    assert everything(simulation) == whole


def test_another_seed_gives_another_world(whole: str) -> None:
    scenario = load_scenario(REFERENCE).model_copy(update={"seed": 2})
    simulation = Simulation(scenario)
    simulation.advance(simulation.at(60))
    assert everything(simulation) != whole
