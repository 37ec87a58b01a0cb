"""The demo's estate: a world in a process of its own, and the settings with which Midwatch watches over it."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from incidents.value import Value
from orchestrator.settings import Listen, Periods, Settings, Token, Webhook
from tools.estate import Connections, Endpoint, KubernetesAccess

START_SECONDS = 60.0
WATCH_SECONDS = 360.0
"""Verification window of the demo in its own time: success has to hold for five minutes, and a rollout comes before."""
EXPIRY_SECONDS = 6 * 3600.0
"""In the demo's fast time: people shall have more than half an hour to look around before they decide."""

POLL_SECONDS = 0.5
"""Timers are looked for that often: in fast time two seconds of the wall clock would be a long silence."""


class World(Value):
    """A served world, as its process announced itself."""

    urls: dict[str, str]
    tokens: dict[str, str]
    cluster: str
    scenario: str
    now: str


@asynccontextmanager
async def served(scenario: Path, *, clock: str, webhook: str, token: str) -> AsyncIterator[World]:
    """Start the world's process; stop it by its pid at the end. Raises RuntimeError with what it said instead."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "worlds",
        str(scenario),
        # One word each: a random token may begin with a dash.
        f"--clock={clock}",
        f"--webhook={webhook}",
        f"--webhook-token={token}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"the world did not start:\n{(await process.stderr.read()).decode(errors='replace')}")
        yield World.model_validate(json.loads(line))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


class Keys(Value):
    """Secrets made up for one run of the demo."""

    webhook: SecretStr
    person: SecretStr

    @classmethod
    def fresh(cls) -> "Keys":
        """New ones."""
        return cls(webhook=SecretStr(secrets.token_urlsafe(24)), person=SecretStr(secrets.token_urlsafe(24)))


ONCALL = "on-call (demo)"


def settings_for(world: World, *, folder: Path, clock: str, keys: Keys, port: int) -> Settings:
    """The settings of a production process with these addresses; nothing in the product knows that it is a demo."""
    return Settings(
        data_dir=folder,
        clock=clock,
        listen=Listen(port=port),
        clusters=(connections(world, folder=folder),),
        webhook=Webhook(tokens=(keys.webhook,)),
        people=(Token(name=ONCALL, token=keys.person, roles=("viewer", "oncall", "admin")),),
        periods=Periods(watch_seconds=WATCH_SECONDS, expiry_seconds=EXPIRY_SECONDS, poll_seconds=POLL_SECONDS),
        log_level="ERROR",
    )


def connections(world: World, *, folder: Path) -> Connections:
    """How a world is reached: read and write identities apart, as in a real estate."""
    return Connections(
        name=world.cluster,
        kubernetes=_kubernetes(world, "reader", folder),
        kubernetes_write=_kubernetes(world, "executor", folder),
        prometheus=Endpoint(url=world.urls["prometheus"]),
        alertmanager=Endpoint(url=world.urls["alertmanager"]),
        loki=Endpoint(url=world.urls["loki"]),
        argocd=_endpoint(world, "argocd", "argocd"),
        argocd_write=_endpoint(world, "argocd", "argocd-write"),
        github=_endpoint(world, "github", "github"),
        github_write=_endpoint(world, "github", "github-write"),
        opencost=Endpoint(url=world.urls["opencost"]),
    )


def _endpoint(world: World, system: str, identity: str) -> Endpoint:
    return Endpoint(url=world.urls[system], token=SecretStr(world.tokens[identity]))


def _kubernetes(world: World, identity: str, folder: Path) -> KubernetesAccess:
    path = folder / f"{identity}.kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": world.cluster, "cluster": {"server": world.urls["kubernetes"]}}],
        "users": [{"name": identity, "user": {"token": world.tokens[identity]}}],
        "contexts": [{"name": "world", "context": {"cluster": world.cluster, "user": identity}}],
        "current-context": "world",
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return KubernetesAccess(kubeconfig=str(path))
