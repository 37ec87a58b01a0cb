"""Executors are killed (SIGKILL) between proposal and verification, before a real API server: its audit log is the oracle.

For every point one executor takes the job of an approved proposal and dies there; another one, that was there before, takes
the job over. The audit log says how often the target was really changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from incidents.action import ActionRequest
from incidents.approval import Accepted, Channel, Choice
from incidents.execution import TERMINAL, ExecutionStatus
from incidents.ids import ActionKind, EntityId, IncidentId, ProposalDigest
from incidents.proposal import Proposal
from orchestrator.decisions import decide
from orchestrator.executor.assembly import executor_handlers, open_executor
from orchestrator.executor.context import ExecutorContext
from orchestrator.jobs import Jobs, Task, enqueue
from orchestrator.settings import Periods, Settings
from orchestrator.store.database import Store
from tests.cluster.controlplane import ControlPlane
from tests.cluster.manifests import deployment, pod_template
from tests.cluster.product import NAME
from tests.cluster.test_doctor import in_force, shipped
from tests.cluster.test_product import CALL, OK, WRITE, account, home
from tests.incidents.making import person
from tests.kill.victim import PLACES, wrapped
from tests.orchestrator.executor.sealing import row, sealed
from tests.orchestrator.servers import a_copy, embedded_server, migrated
from tests.orchestrator.staging import Stage
from tools.clock import SystemClock
from tools.kubernetes.client import KubernetesClient

pytestmark = [pytest.mark.cluster, pytest.mark.kill, pytest.mark.timeout(480)]

__all__ = ["home", "in_force", "shipped"]  # fixtures are found by their names

POINTS = (
    *("before:look", "after:look", "before:dispatch", "after:dispatch", "before:effect", "before:request"),
    *("after:request", "before:follow", "before:settle", "after:settle", "after:effect"),
)
"""In the order in which an execution passes them. `request` is the change itself, on its way to the API server."""
HERE = PLACES | {"request": (KubernetesClient, "patch")}
PERIODS = Periods(heartbeat_seconds=0.4, takeover_seconds=1.6, poll_seconds=0.2, sweep_seconds=1.0)
DONE_SECONDS = 40.0
ONCALL = person("dana", "oncall", "owner")


@pytest.fixture
def url() -> Iterator[str]:
    """A migrated database."""
    with migrated(embedded_server()) as server, a_copy(server) as made:
        yield made


@dataclass(frozen=True, kw_only=True)
class Place:
    """What every process of the test is given."""

    url: str
    kubeconfig: Path
    namespace: str
    folder: Path

    @property
    def settings(self) -> Settings:
        """Of an executor alone."""
        cluster = {"name": NAME, "kubernetes_write": {"kubeconfig": str(self.kubeconfig)}}
        return Settings.model_validate({"clusters": (cluster,), "roles": ("executor",), "periods": PERIODS})

    def target(self, number: int) -> EntityId:
        """The workload of one point."""
        return EntityId(f"{NAME}/{self.namespace}/deployment/app-{number}")


@asynccontextmanager
async def executor(place: Place) -> AsyncIterator[ExecutorContext]:
    """An executor's context."""
    async with Store(place.url, clock=SystemClock()) as store, open_executor(place.settings, store) as context:
        yield context


async def approved(place: Place, number: int) -> Proposal:
    """Rehearsed on the real API server, sealed, approved, and its job enqueued."""
    async with executor(place) as context:
        ground = SimpleNamespace(
            store=context.store,
            executor=context,
            clock=context.clock,
            cluster=NAME,
            bench=SimpleNamespace(policy=context.policy),
            id=lambda path: EntityId(f"{NAME}/{path}"),
        )
        request = ActionRequest(kind=ActionKind("restart_workload"), target=place.target(number))
        made = await sealed(cast("Stage", ground), request, incident=IncidentId(f"inc-{number:012d}"))
        answer = await decide(
            context.store,
            made.digest,
            person=ONCALL,
            choice=Choice.APPROVE,
            channel=Channel.API,
            now=context.clock.now(),
        )
        assert isinstance(answer, Accepted), answer
        async with context.store.transaction() as tx:
            await enqueue(tx, Task.EXECUTE, made.body.incident, item=made.digest)
    return made


async def work(place: Place, *, until: ProposalDigest | None = None) -> None:
    """Take jobs as an executor does: until this proposal's execution has ended, or for ever."""
    async with executor(place) as context:
        jobs = Jobs(place.url, handlers=executor_handlers(context), periods=PERIODS)
        working = asyncio.ensure_future(jobs.run())
        try:
            while until is None or not await ended(context, until):
                await asyncio.sleep(0.1)
                if working.done():
                    working.result()
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


async def ended(context: ExecutorContext, digest: ProposalDigest) -> bool:
    """Whether the row of its action has come to an end."""
    made = cast("Proposal", SimpleNamespace(digest=digest))
    found = await row(cast("Stage", SimpleNamespace(store=context.store)), made)
    return found.status in TERMINAL or found.status is ExecutionStatus.SUCCEEDED


def victim(place: Place, point: str) -> int:
    """Fork an executor that dies at this point; how it ended. The parent has no event loop running."""
    child = os.fork()
    if child == 0:
        when, name = point.split(":")
        module, attribute = HERE[name]
        step = getattr(module, attribute)
        armed = wrapped(step, when=when, flag=place.folder / point, only=changes if name == "request" else None)
        setattr(module, attribute, armed)
        with contextlib.suppress(BaseException):
            asyncio.run(asyncio.wait_for(work(place), timeout=DONE_SECONDS))
        os._exit(0)
    return os.waitpid(child, 0)[1]


def changes(given: dict[str, Any]) -> bool:
    """Whether a patch is more than a dry run."""
    return not given.get("dry_run")


async def finished(place: Place, made: Proposal) -> ExecutionStatus:
    """Carry on as another executor, and say how it ended."""
    await asyncio.wait_for(work(place, until=made.digest), timeout=DONE_SECONDS)
    async with executor(place) as context:
        return (await row(cast("Stage", SimpleNamespace(store=context.store)), made)).status


def test_an_executor_that_dies_anywhere_changes_the_target_once(
    own_control_plane: ControlPlane, home: str, namespace: str, url: str, tmp_path: Path
) -> None:
    kubeconfig = own_control_plane.service_account_kubeconfig(home, WRITE, path=tmp_path / "executor.kubeconfig")
    place = Place(url=url, kubeconfig=kubeconfig, namespace=namespace, folder=tmp_path)
    took: dict[str, float] = {}
    for number, point in enumerate(POINTS):
        template = pod_template(f"app-{number}", image="shop/api:1")
        own_control_plane.create(deployment(f"app-{number}", namespace=namespace, template=template, replicas=0))
        made = asyncio.run(approved(place, number))
        status = victim(place, point)
        assert os.WIFSIGNALED(status), f"nobody came to {point}"
        assert os.WTERMSIG(status) == signal.SIGKILL
        died = time.monotonic()
        assert asyncio.run(finished(place, made)) is ExecutionStatus.SUCCEEDED, point
        took[point] = time.monotonic() - died

    user = account(home, WRITE)
    done = [
        event.name
        for event in own_control_plane.audit_events(user=user)
        if event.verb == "patch" and event.code == OK and not event.dry_run
    ]
    assert sorted(done) == sorted(f"app-{number}" for number in range(len(POINTS)))
    for number in range(len(POINTS)):
        found = own_control_plane.apps.read_namespaced_deployment(f"app-{number}", namespace, **CALL)
        assert found.metadata.generation == 2, "created, and changed once"
    slowest = max(took, key=lambda point: took[point])
    print(f"another executor carried on: {took[slowest]:.1f} s at most ({slowest})")
    assert took[slowest] < DONE_SECONDS
