"""A world that was stopped is forgotten: a process plays hundreds of them one after the other."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import httpx

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


async def test_nothing_holds_a_world_that_was_asked_and_stopped() -> None:
    world = await serve(load_scenario(SCENARIO))
    async with httpx.AsyncClient(timeout=60) as http:
        token = {"authorization": f"Bearer {world.tokens['github']}"}
        repository = next(iter(world.estate.simulation.forge.repositories))
        asked = ("loki/ready", "alertmanager/api/v2/status", "opencost/assets", "world/state", "argocd/api/version")
        for path in (*asked, f"github/repos/{repository}/commits", "prometheus/-/ready", "kubernetes/healthz"):
            (await http.get(f"{world.base_url}/{path}", headers=token)).raise_for_status()
    simulation = weakref.ref(world.estate.simulation)
    await world.stop()
    del world
    gc.collect()
    assert simulation() is None
