"""A served world and everything of Midwatch but its processes over it: real clients, a real database, one clock.

Time stands still until somebody sleeps (the executor between two looks) or a test moves it. The world moves with it, and
its Alertmanager posts to the real web application.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from incidents.approval import Accepted, Channel, Choice, Person, Refused
from incidents.ids import EntityId, IncidentId, ProposalDigest
from incidents.incident import SETTLED, Incident, Phase
from incidents.ledger import Entry
from orchestrator.assembly import open_advancer, open_bench, worker_handlers
from orchestrator.context import Workbench
from orchestrator.decisions import decide
from orchestrator.executor.assembly import executor_handlers, open_executor
from orchestrator.executor.context import ExecutorContext
from orchestrator.jobs import Jobs
from orchestrator.ledger import evidence_pack, verify_ledger
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, list_incidents
from orchestrator.store.proposals import StoredProposal, proposals_of
from orchestrator.store.timeline import timeline_of
from orchestrator.sweep import sweep
from service.demo.command import REFERENCE
from service.demo.estate import World as Announced
from service.demo.estate import connections as connections_to
from tests.incidents.making import person
from tests.service.web.serving import WEBHOOK, served, web_context, web_settings
from tools.estate import Connections, KubernetesAccess
from worlds.clock import HandClock
from worlds.objects.kinds import kind_named
from worlds.objects.store import ObjectStore
from worlds.scenario.load import load_scenario
from worlds.scenario.scenario import Scenario
from worlds.server import World, serve

DEPLOYMENT = kind_named("Deployment")
ONCALL = person("dana", "oncall")
GIVE_UP_SECONDS = 7200.0
"""Of the story's time: no incident of these tests takes two hours."""


class StoryClock:
    """The product's clock and the world's are one: whoever sleeps lets the world go on."""

    def __init__(self, start: datetime) -> None:
        self.hand = HandClock(start)
        self.world: World | None = None

    def now(self) -> datetime:
        """Where the story stands."""
        return self.hand.now()

    async def sleep(self, seconds: float) -> None:
        """Let the world live that long."""
        if self.world is None:
            self.hand.advance(seconds)
        else:
            await self.world.advance(seconds)


class HandSettings(Settings):
    """Settings whose clock is moved by hand: the one thing that a setting cannot say."""

    _hand: Any = None

    @property
    def time(self) -> Any:
        """The story's clock."""
        return self._hand

    def by(self, clock: StoryClock) -> HandSettings:
        """The same settings with this clock."""
        object.__setattr__(self, "_hand", clock)
        return self


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What stands while a test plays."""

    world: World
    clock: StoryClock
    settings: HandSettings
    store: Store
    bench: Workbench
    executor: ExecutorContext
    jobs: Jobs
    webhook: str

    @property
    def cluster(self) -> str:
        """Name of the world's cluster."""
        return self.world.estate.scenario.estate.cluster

    @property
    def objects(self) -> ObjectStore:
        """What the world's API server holds: for a test that is somebody else with all rights."""
        return self.world.estate.simulation.cluster.store

    def id(self, path: str) -> EntityId:
        """The entity id of `namespace/kind/name`."""
        return EntityId(f"{self.cluster}/{path}")

    def deployment(self, name: str = "checkout", *, namespace: str = "shop") -> dict[str, Any]:
        """The object as the world's API server has it: the judge of what really happened."""
        return copy.deepcopy(self.objects.get(DEPLOYMENT, namespace=namespace, name=name))

    def generation(self, name: str = "checkout") -> int:
        """How many times its specification was written."""
        return int(self.deployment(name)["metadata"]["generation"])

    async def incident(self, incident: IncidentId) -> Incident:
        """Its head."""
        async with self.store.transaction() as tx:
            return await incident_of(tx, incident)

    async def incidents(self) -> tuple[Incident, ...]:
        """All of them, newest first."""
        async with self.store.transaction() as tx:
            return await list_incidents(tx)

    async def proposals(self, incident: IncidentId) -> tuple[StoredProposal, ...]:
        """Oldest first."""
        async with self.store.transaction() as tx:
            return await proposals_of(tx, incident)

    async def decide(
        self, digest: ProposalDigest, choice: Choice = Choice.APPROVE, *, who: Person = ONCALL, reason: str = "no"
    ) -> Accepted | Refused:
        """Decide as a person, now."""
        return await decide(
            self.store, digest, person=who, choice=choice, reason=reason, channel=Channel.CONSOLE, now=self.clock.now()
        )

    async def ledger(self, incident: IncidentId) -> list[str]:
        """Kinds of the incident's entries in order; the whole chain is checked on the way."""
        audit = await verify_ledger(self.store)
        assert audit.intact, audit.summary
        return [entry.kind.value for entry in await evidence_pack(self.store, incident)]

    async def entries(self, incident: IncidentId) -> tuple[Entry, ...]:
        """The incident's entries."""
        return await evidence_pack(self.store, incident)

    async def work(self) -> None:
        """Do all that is due now, as workers, executors and the sweep would."""
        await self.jobs.drain()
        await sweep(self.store, now=self.clock.now())
        await self.jobs.drain()

    async def until(self, *phases: Phase, step: float = 15.0) -> Incident:
        """Let the story go on until the incident is in one of these phases (any settled one when none is given)."""
        wanted = frozenset(phases) or SETTLED
        end = self.clock.now().timestamp() + GIVE_UP_SECONDS
        while self.clock.now().timestamp() < end:
            await self.work()
            found = await self.incidents()
            if found and found[-1].phase in wanted:
                return found[-1]
            if found and found[-1].phase in SETTLED:
                break
            await self.world.advance(step)
        phases = [(i.phase.value, (await self.told(i.id))[-1:]) for i in await self.incidents()]
        raise AssertionError(f"no incident came to {', '.join(sorted(wanted))}: {phases}")

    async def told(self, incident: IncidentId) -> list[str]:
        """The lines of its story."""
        async with self.store.transaction() as tx:
            return [line.text for line in await timeline_of(tx, incident)]


def announced(world: World) -> Announced:
    """A world of this process, as one of its own would announce itself."""
    return Announced(
        urls=world.urls,
        tokens=world.tokens,
        cluster=world.estate.scenario.estate.cluster,
        scenario=world.estate.scenario.name,
        now=world.estate.now().isoformat(),
    )


@asynccontextmanager
async def stage(
    folder: Path, database_url: str, scenario: Path | Scenario = REFERENCE, *, alerts: bool = True, **changes: object
) -> AsyncIterator[Stage]:
    """Serve the world and put Midwatch together over it. `changes` are settings."""
    source = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    clock = StoryClock(source.now)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store(database_url, clock=clock))
        web = web_context(store, web_settings(clusters=[{"name": source.estate.cluster}]), clock)
        url = await stack.enter_async_context(served(web))
        hook = f"{url}/api/v1/alerts/alertmanager" if alerts else ""
        world = await serve(scenario, clock=clock.hand, webhook_url=hook, webhook_token=WEBHOOK)
        clock.world = world
        stack.push_async_callback(world.stop)
        given: dict[str, object] = {
            "database_url": database_url,
            "clusters": (connections_to(announced(world), folder=folder),),
            "periods": {"watch_seconds": 360.0, "expiry_seconds": 900.0},
        }
        settings = HandSettings.model_validate(given | changes).by(clock)
        bench = await stack.enter_async_context(open_bench(settings, store))
        executor = await stack.enter_async_context(open_executor(settings, store))
        advancer = await stack.enter_async_context(open_advancer(bench))
        handlers = {**worker_handlers(bench, advancer), **executor_handlers(executor)}
        jobs = Jobs(database_url, handlers=handlers)
        yield Stage(
            world=world,
            clock=clock,
            settings=settings,
            store=store,
            bench=bench,
            executor=executor,
            jobs=jobs,
            webhook=f"{url}/api/v1/alerts/alertmanager",
        )


def written_by(connections: Connections, *, url: str, token: str, path: Path) -> Connections:
    """The same connections with another write identity, by a kubeconfig at `path`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "other", "cluster": {"server": url}}],
        "users": [{"name": "other", "user": {"token": SecretStr(token).get_secret_value()}}],
        "contexts": [{"name": "other", "context": {"cluster": "other", "user": "other"}}],
        "current-context": "other",
    }
    path.write_text(yaml.safe_dump(document))
    return connections.model_copy(update={"kubernetes_write": KubernetesAccess(kubeconfig=str(path))})


@asynccontextmanager
async def another_executor(
    on: Stage, *, url: str = "", token: str = "", folder: Path | None = None, **changes: object
) -> AsyncIterator[ExecutorContext]:
    """One more executor over the same database: of its own store and clients, perhaps as somebody else."""
    [connections] = on.settings.clusters
    if folder is not None:
        connections = written_by(connections, url=url, token=token, path=folder / "other.kubeconfig")
    settings = on.settings.model_copy(update={"clusters": (connections,)})
    object.__setattr__(settings, "_hand", on.clock)
    async with (
        Store(on.store.url, clock=on.clock) as store,
        open_executor(settings, store) as context,
    ):
        yield replace(context, **changes)  # type: ignore[arg-type] # fields of the context
