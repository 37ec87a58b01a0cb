"""Serve a world: every API of the estate under one port of the loopback interface."""

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from worlds import control
from worlds.alertmanager.api import app as alertmanager_app
from worlds.alertmanager.sender import WebhookSender
from worlds.argocd.app import argocd_app
from worlds.clock import HandClock, WorldClock
from worlds.flags.app import app as flags_app
from worlds.gate import Gate
from worlds.github.access import Tokens
from worlds.github.app import github_app
from worlds.httpserver import HttpServer
from worlds.kubernetes.access import EXECUTOR_RULES, READER_RULES, Identity
from worlds.kubernetes.app import ApiServer
from worlds.kubernetes.logs import ContainerLogs
from worlds.loki.api import app as loki_app
from worlds.opencost.app import app as opencost_app
from worlds.prometheus.api import app as prometheus_app
from worlds.scenario.load import load_scenario
from worlds.scenario.scenario import Scenario
from worlds.sources import Maker, Sources
from worlds.statuspage.app import addresses
from worlds.statuspage.app import app as status_app
from worlds.traces.api import app as traces_app
from worlds.traces.requests import EstateSpans
from worlds.world import Estate

# Real seconds between two looks at a running clock, and virtual seconds per step of one that is set by hand.
_LOOK_EVERY = 0.25
_HAND_STEP = 15.0

SOURCES = ("kubernetes", "prometheus", "alertmanager", "loki", "github", "argocd", "opencost")
TRACES, FLAGS, STATUS_PAGES = "traces", "flags", "statuspage"


class World:
    """A served world. Build it with `serve`; `await world.stop()` ends it."""

    def __init__(self, estate: Estate, *, api: ApiServer, server: HttpServer) -> None:
        self.estate = estate
        self.base_url = server.url
        self.api = api
        self._server = server
        self._following: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None
        self.stopping = asyncio.Event()

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs by source, and of the control API; of traces and flags where the estate has any."""
        told = self.estate.scenario.estate
        kept = [name for name, there in ((TRACES, told.traces), (FLAGS, told.flags)) if there]
        return {name: f"{self.base_url}/{name}" for name in (*SOURCES, *kept, "world")}

    @property
    def status_pages(self) -> Mapping[str, str]:
        """Status pages of providers outside, by the provider's host."""
        return addresses(self.estate.scenario.estate, base=f"{self.base_url}/{STATUS_PAGES}")

    @property
    def tokens(self) -> dict[str, str]:
        """Bearer tokens by identity."""
        return tokens_of(self.estate.scenario)

    def kubeconfig(self, identity: str) -> dict[str, Any]:
        """Return a kubeconfig for `reader` or `executor`, as a mapping that the clients accept."""
        name = self.estate.scenario.estate.cluster
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": self.urls["kubernetes"]}}],
            "users": [{"name": identity, "user": {"token": self.tokens[identity]}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": identity}}],
        }

    async def advance(self, seconds: float) -> None:
        """Move a clock that is set by hand, alert by alert: notifications arrive before time goes on.

        Where nobody is told and nobody reports, the whole stretch passes at once.
        """
        clock = self.estate.clock
        if not isinstance(clock, HandClock):
            raise TypeError("only a HandClock can be moved by hand")
        left, most = seconds, seconds if self.estate.keeps_to_itself else _HAND_STEP
        while left > 0:
            step = min(most, left)
            clock.advance(step)
            left -= step
            await self._deliver_due()

    async def stop(self) -> None:
        """End the server and everything that runs for it."""
        self.api.watching.close()
        if self._following is not None:
            self._following.cancel()
        await self._server.stop()
        if self._following is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        if self._client is not None:
            await self._client.aclose()

    async def run(self, app: ASGIApp) -> None:
        """Start the server, and what follows the clock. Returns when requests are answered."""
        await self._server.start(app)
        if isinstance(self.estate.clock, HandClock):
            await self._deliver_due()
        else:
            self._following = asyncio.create_task(self._follow_clock())

    async def _follow_clock(self) -> None:
        while True:
            await self._deliver_due()
            await asyncio.sleep(_LOOK_EVERY)

    async def _deliver_due(self) -> None:
        notifications = self.estate.pass_time()
        if notifications:
            # Trusted certificates are read from disk: not before somebody is to be told.
            self._client = self._client or httpx.AsyncClient(timeout=10.0)
            await self.estate.alerting.deliver(notifications, WebhookSender(client=self._client))


def tokens_of(scenario: Scenario) -> dict[str, str]:
    """Return the bearer tokens of a scenario: made from its name and seed, so that runs can be repeated."""
    return {
        name: f"{name}-{scenario.name}-{scenario.seed}"
        for name in ("reader", "executor", "github", "github-write", "argocd", "argocd-write", "flags")
    }


async def serve(
    scenario: Path | Scenario,
    *,
    clock: WorldClock | None = None,
    port: int = 0,
    webhook_url: str = "",
    webhook_token: str = "",
) -> World:
    """Serve a scenario on 127.0.0.1. Port 0 takes a free one; without a clock time stands at the scenario's now."""
    source = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    server = HttpServer(port)
    rules = Path(source.rules) if source.rules else None
    estate = Estate(
        source,
        clock=clock or HandClock(source.now),
        rules=rules,
        webhook_url=webhook_url,
        webhook_token=webhook_token,
        base_url=server.url,
    )
    estate.catch_up()
    api = _kubernetes(estate)
    world = World(estate, api=api, server=server)
    await world.run(Gate(Sources(_makers(estate, api, world)), estate=estate))
    return world


def _makers(estate: Estate, api: ApiServer, world: World) -> Mapping[str, Maker]:
    tokens, simulation, told = tokens_of(estate.scenario), estate.simulation, estate.scenario.estate
    makers: dict[str, Maker] = {
        "kubernetes": api.app,
        "prometheus": partial(prometheus_app, estate.rules, estate.now),
        "alertmanager": partial(alertmanager_app, estate.alertmanager, estate.now),
        "loki": partial(loki_app, estate.logs, estate.now),
        "github": lambda: github_app(
            simulation.forge,
            base_url=world.urls["github"],
            tokens=Tokens(read=tokens["github"], write=tokens["github-write"]),
            now=lambda: simulation.cluster.now,
        ),
        "argocd": lambda: argocd_app(
            simulation.gitops,
            simulation.cluster,
            tokens=Tokens(read=tokens["argocd"], write=tokens["argocd-write"]),
        ),
        "opencost": partial(opencost_app, simulation),
        STATUS_PAGES: partial(status_app, simulation),
        "world": partial(control.app, estate, advance=world.advance, stop=world.stopping.set),
    }
    if told.traces:
        makers[TRACES] = lambda: traces_app(EstateSpans(simulation))
    if told.flags:
        makers[FLAGS] = partial(flags_app, simulation, token=tokens["flags"])
    return makers


def _kubernetes(estate: Estate) -> ApiServer:
    simulation, tokens = estate.simulation, tokens_of(estate.scenario)
    denied = frozenset(estate.scenario.visibility.forbidden_resources)
    prefix = "system:serviceaccount:midwatch:midwatch"
    identities = (
        Identity(user=f"{prefix}-reader", token=tokens["reader"], rules=READER_RULES, denied=denied),
        Identity(user=f"{prefix}-executor", token=tokens["executor"], rules=EXECUTOR_RULES, denied=denied),
    )
    store, kubelets = simulation.cluster.store, simulation.kubelets
    logs = ContainerLogs(store, kubelets, estate.logbook, now=lambda: simulation.cluster.now)
    return ApiServer(simulation.cluster, identities=identities, logs=logs, version=estate.scenario.estate.version)
