"""A served world and the product's own Kubernetes client against it, reading or writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tools.estate import Cluster, Connections, KubernetesAccess, WriteCluster
from tools.kubernetes.client import KubernetesClient
from worlds.server import World, serve

SCENARIOS = Path(__file__).parents[3] / "evals" / "scenarios"
REFERENCE = SCENARIOS / "bad-deploy" / "checkout-memory-limit.yaml"


@dataclass(frozen=True, kw_only=True)
class Served:
    """A world with both kinds of access to its cluster."""

    world: World
    cluster: Cluster
    writing: WriteCluster

    def id(self, path: str) -> str:
        """The entity id of `namespace/kind/name`."""
        return f"{self.cluster.name}/{path}"


def access_to(world: World, identity: str, folder: Path) -> KubernetesAccess:
    """Access by a kubeconfig file, as people configure it."""
    path = folder / f"{identity}.yaml"
    path.write_text(yaml.safe_dump(world.kubeconfig(identity)))
    return KubernetesAccess(kubeconfig=str(path))


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    """The reference world at 02:47: two of six pods of checkout are OOM-killed since a deploy at 02:35."""
    world = await serve(REFERENCE)
    clock, name = world.estate.clock, world.estate.scenario.estate.cluster
    read, write = (access_to(world, identity, folder) for identity in ("reader", "executor"))
    reader, writer = KubernetesClient(read, clock=clock), KubernetesClient(write, clock=clock)
    connections = Connections(name=name, kubernetes=read, kubernetes_write=write)
    marks = {"midwatch.dev/incident": "inc-test"}
    yield Served(
        world=world,
        cluster=Cluster(name=name, clock=clock, connections=connections, kubernetes=reader),
        writing=WriteCluster(name=name, clock=clock, connections=connections, kubernetes=writer, labels=marks),
    )
    await reader.close()
    await writer.close()
    await world.stop()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A world of the test's own, to change."""
    async with serving(tmp_path) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One world for the tests of a module that only look."""
    async with serving(tmp_path_factory.mktemp("world")) as one:
        yield one
