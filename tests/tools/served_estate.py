"""A served world with the product's own clients against all of its systems, reading and writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from pydantic import SecretStr

from incidents.ids import EntityId
from tools.connect import connect, connect_write
from tools.estate import Cluster, Connections, Endpoint, KubernetesAccess, WriteCluster
from worlds.server import World, serve

SCENARIOS = Path(__file__).parents[2] / "evals" / "scenarios"
REFERENCE = SCENARIOS / "bad-deploy" / "checkout-memory-limit.yaml"
HEALTHY = SCENARIOS / "healthy" / "quiet-night.yaml"
INCIDENT = "inc-test00000001"


@dataclass(frozen=True, kw_only=True)
class Served:
    """A world with both kinds of access."""

    world: World
    cluster: Cluster
    writing: WriteCluster

    def id(self, path: str) -> EntityId:
        """The entity id of `namespace/kind/name`."""
        return EntityId(f"{self.cluster.name}/{path}")


def connections_of(world: World, folder: Path) -> Connections:
    """What a person would write into the settings."""

    def endpoint(name: str, identity: str | None = None) -> Endpoint:
        token = SecretStr(world.tokens[identity]) if identity else None
        return Endpoint(url=world.urls[name], token=token)

    def kubeconfig(identity: str) -> KubernetesAccess:
        path = folder / f"{identity}.yaml"
        path.write_text(yaml.safe_dump(world.kubeconfig(identity)))
        return KubernetesAccess(kubeconfig=str(path))

    return Connections(
        name=world.estate.scenario.estate.cluster,
        kubernetes=kubeconfig("reader"),
        kubernetes_write=kubeconfig("executor"),
        prometheus=endpoint("prometheus"),
        alertmanager=endpoint("alertmanager"),
        loki=endpoint("loki"),
        argocd=endpoint("argocd", "argocd"),
        argocd_write=endpoint("argocd", "argocd-write"),
        github=endpoint("github", "github"),
        github_write=endpoint("github", "github-write"),
        opencost=endpoint("opencost"),
    )


@asynccontextmanager
async def serving(folder: Path, scenario: Path = REFERENCE) -> AsyncIterator[Served]:
    """The world of a scenario; the reference incident at 02:47 when none is named."""
    world = await serve(scenario)
    connections, clock = connections_of(world, folder), world.estate.clock
    try:
        async with connect(connections, clock=clock) as cluster, connect_write(connections, clock=clock) as writing:
            marked = replace(writing, labels={"midwatch.dev/incident": INCIDENT})
            yield Served(world=world, cluster=cluster, writing=marked)
    finally:
        await world.stop()
