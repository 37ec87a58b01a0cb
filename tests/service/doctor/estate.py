"""A served world as doctor meets it: settings of a process that watches it, and ways to break it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from orchestrator.settings import Settings
from service.demo.estate import Keys, World, settings_for
from service.doctor.finding import Finding
from service.doctor.report import Report
from tools.estate import Connections
from worlds.clock import read_clock
from worlds.scenario.load import load_scenario
from worlds.scenario.scenario import Visibility
from worlds.server import serve

SCENARIO = Path(__file__).parents[3] / "evals/scenarios/bad-deploy/checkout-memory-limit.yaml"


@contextmanager
def world_process() -> Iterator[tuple[World, str]]:
    """The reference scenario in a process of its own, and its clock."""
    clock = f"{load_scenario(SCENARIO).now.isoformat()}@{time.time():.3f}*1"
    command = [sys.executable, "-m", "worlds", str(SCENARIO), "--clock", clock]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield World.model_validate_json(process.stdout.readline()), clock
    finally:
        process.terminate()
        process.communicate(timeout=30)


def settings_of(world: World, clock: str, *, folder: Path) -> Settings:
    """The settings that the demo would use with it."""
    return settings_for(world, folder=folder, clock=clock, keys=Keys.fresh(), port=0)


@asynccontextmanager
async def watched(folder: Path, **hidden: tuple[str, ...]) -> AsyncIterator[Settings]:
    """Serve the reference scenario with this visibility, and settings that watch it."""
    scenario = load_scenario(SCENARIO).model_copy(update={"visibility": Visibility.model_validate(hidden)})
    clock = f"{scenario.now.isoformat()}@{time.time():.3f}*1"
    world = await serve(scenario, clock=read_clock(clock, epoch=scenario.now))
    try:
        known = World(
            urls=world.urls,
            tokens=world.tokens,
            cluster=scenario.estate.cluster,
            scenario=scenario.name,
            now=scenario.now.isoformat(),
        )
        yield settings_of(known, clock, folder=folder)
    finally:
        await world.stop()


def changed(settings: Settings, **connections: object) -> Settings:
    """The same with other connections of its one cluster."""
    cluster = settings.clusters[0].model_copy(update=connections)
    return settings.model_copy(update={"clusters": (Connections.model_validate(cluster),)})


def row(report: Report, what: str) -> Finding:
    """The row of one check."""
    return next(finding for finding in report.findings if finding.what == what)


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """An address that takes connections and never answers."""
    released = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        released.set()
        server.close()
        await server.wait_closed()
