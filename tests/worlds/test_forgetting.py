"""A world that was stopped is forgotten: a process plays hundreds of them one after the other."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

from worlds.scenario.load import load_scenario
from worlds.server import serve

SCENARIO = Path(__file__).parents[2] / "evals" / "scenarios" / "healthy" / "quiet-night.yaml"


async def test_nothing_holds_a_world_that_was_stopped() -> None:
    world = await serve(load_scenario(SCENARIO))
    simulation = weakref.ref(world.estate.simulation)
    await world.stop()
    del world
    gc.collect()
    assert simulation() is None
