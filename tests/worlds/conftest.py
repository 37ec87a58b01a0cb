"""Worlds served on loopback, and the real Kubernetes client that talks to them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from kubernetes.aio import client as kubernetes

from worlds.server import World, serve

SCENARIOS = Path(__file__).parents[2] / "evals" / "scenarios"
REFERENCE = SCENARIOS / "bad-deploy" / "checkout-memory-limit.yaml"

Serving = Callable[[Path], Awaitable[World]]


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Serve worlds that are stopped at the end of the test."""
    worlds: list[World] = []

    async def start(path: Path) -> World:
        worlds.append(await serve(path))
        return worlds[-1]

    yield start
    for world in worlds:
        await world.stop()


@pytest.fixture
async def world(serving: Serving) -> World:
    """The reference world, at 02:47."""
    return await serving(REFERENCE)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client."""
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


def api_client(world: World, identity: str) -> kubernetes.ApiClient:
    """The unmodified Kubernetes client for an identity."""
    configuration = kubernetes.Configuration(host=world.urls["kubernetes"])
    configuration.api_key = {"authorization": world.tokens[identity]}
    configuration.api_key_prefix = {"authorization": "Bearer"}
    return kubernetes.ApiClient(configuration)


@pytest.fixture
async def reader(world: World) -> AsyncIterator[kubernetes.ApiClient]:
    """A client that may only read."""
    async with api_client(world, "reader") as client:
        yield client


@pytest.fixture
async def executor(world: World) -> AsyncIterator[kubernetes.ApiClient]:
    """A client that may also write."""
    async with api_client(world, "executor") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still_world() -> AsyncIterator[World]:
    """The reference world for tests that only read. All tests of the file share it and its event loop."""
    world = await serve(REFERENCE)
    yield world
    await world.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still_reader(still_world: World) -> AsyncIterator[kubernetes.ApiClient]:
    """A client that reads the shared world."""
    async with api_client(still_world, "reader") as client:
        yield client
