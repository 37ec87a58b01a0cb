"""Attacks that want Midwatch to reach what it should not: addresses, actions, another incident's target, late requests."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from incidents.approval import Accepted
from incidents.execution import ExecutionStatus
from incidents.ids import IncidentId
from orchestrator.executor.running import run
from orchestrator.settings import Settings
from orchestrator.store.locks import locks_of, release_locks
from tests.architecture.test_write_access import grabs
from tests.attacks.attack import attack
from tests.attacks.ground import approved
from tests.orchestrator.executor.sealing import INCIDENT, rollback, row, sealed
from tests.orchestrator.staging import Stage, another_executor
from tools.errors import ForbiddenError, PermanentError, TransientError
from tools.estate import Connections, Endpoint, WriteCluster
from tools.http import HttpClient

ROOT = Path(__file__).parents[2]
OTHER = IncidentId("inc-cccccccccccc")


@asynccontextmanager
async def answering(status: int = 200, location: str = "") -> AsyncIterator[tuple[str, list[str]]]:
    """A server that answers everything in the same way, and the paths that it was asked for."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split(" ")[1])
        while (await reader.readline()).strip():
            pass
        head = f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n"
        writer.write((head + (f"location: {location}\r\n" if location else "") + "\r\n{}").encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@attack(
    "metadata-address-configured",
    "A metadata service is configured as a source",
    tried="169.254.169.254 in eight spellings (mapped, NAT64, hexadecimal, one number, by name) as Prometheus, model, place for heads, Slack",
    stopped="settings and clients refuse link-local and metadata addresses",
)
@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://169.254.169.254/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://2852039166/",
        ),
        *("http://0xA9FEA9FE/", "http://0251.0376.0251.0376/", "http://metadata.google.internal/", "http://[fe80::1]/"),
    ],
)
def test_metadata_address(url: str) -> None:
    cluster = {"name": "prod", "prometheus": {"url": url}}
    with pytest.raises(ValidationError, match="write the address of the system itself"):
        Settings.model_validate({"clusters": [cluster]})
    for asked in ({"model": {"base_url": url}}, {"audit": {"heads": url}}, {"slack": {"api_url": url}}):
        with pytest.raises(ValidationError, match="write the address of the system itself"):
            Settings.model_validate(asked)
    Settings.model_validate({"clusters": [cluster | {"prometheus": {"url": "http://127.0.0.1:9090"}}]})


@attack(
    "redirect-elsewhere",
    "A configured system redirects to another address",
    tried="302 to a listening address, and to the metadata service, for a read",
    stopped="redirects stay on the configured origin; writes follow none",
)
async def test_redirect() -> None:
    async with answering() as (secret, asked):
        for target in (f"{secret}/secret", "http://169.254.169.254/latest/meta-data"):
            async with answering(302, target) as (url, _):
                client = HttpClient(Endpoint(url=url), system="Loki")
                with pytest.raises(PermanentError, match="not the configured address"):
                    await client.fetch("GET", "/loki/api/v1/labels")
                await client.aclose()
        assert asked == []
        async with httpx.AsyncClient(follow_redirects=True) as naive, answering(302, f"{secret}/secret") as (url, _):
            await naive.get(url)
        assert asked == ["/secret"], "the control: a client that follows is led there"


@attack(
    "name-that-changes",
    "A name means a metadata service when it is connected to (DNS rebinding)",
    tried="a name server that answers with a good address first and with the metadata service from then on",
    stopped="a name is judged at every connection, and the connection goes to the judged address",
)
async def test_rebinding() -> None:
    answers: list[Sequence[str]] = [["127.0.0.1"], ["169.254.169.254"]]

    async def names(host: str, port: int) -> Sequence[str]:
        del host, port
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async with answering() as (url, asked):
        port = url.rsplit(":", 1)[1]
        client = HttpClient(Endpoint(url=f"http://prometheus.example:{port}"), system="Prometheus", resolver=names)
        await client.fetch("GET", "/first")
        with pytest.raises(PermanentError, match=r"prometheus\.example leads to 169\.254\.169\.254"):
            await client.fetch("GET", "/second")
        await client.aclose()
        assert asked == ["/first"], "the control: the good address was asked"


@attack(
    "path-out-of-the-base",
    "A name from the estate leaves the configured address",
    tried="names with dots, slashes and a host as parts of a client's path",
    stopped="a client has one base address; segments are quoted; a path with `..` is refused",
)
async def test_path_out_of_the_base() -> None:
    client = HttpClient(Endpoint(url="http://127.0.0.1:9"), system="GitHub")
    for path in ("//evil.example/x", "/repos/../../admin", "http://evil.example/", "repos"):
        with pytest.raises(PermanentError, match="is no path below"):
            await client.fetch("GET", path)
    await client.aclose()


@attack(
    "agent-imports-an-action",
    "An agent's code gets hold of an action",
    tried="source that imports the catalogue or a write client in eight ways; a contract of import-linter is broken",
    stopped="import-linter and a search over every module's imports, in `make lint` and `make test`",
)
def test_agent_imports_an_action() -> None:
    sources = [
        "from tools.action import actions",
        "from tools.action import Action as A",
        "import tools.action",
        "from tools import action",
        "from tools.action import *",
        "from tools.estate import WriteCluster",
        "def f():\n    import tools.action as a\n    return a.actions()",
        "if True:\n    from tools.estate import WriteCluster as W",
    ]
    assert [source for source in sources if not list(grabs(source))] == []
    contracts = (ROOT / "pyproject.toml").read_text()
    assert 'id = "only-the-executor-acts"' in contracts
    assert not [path for path in (ROOT / "agents").rglob("*.py") if list(grabs(path.read_text()))]


@attack(
    "agent-applies-an-action",
    "Code in a worker applies an action with what a worker has",
    tried="the catalogue's own `apply` with the read credentials, against the API server",
    stopped="the reader's service account may not patch: 403 by the API server",
)
async def test_agent_applies_an_action(on: Stage) -> None:
    before, proposal = on.generation(), await approved(on)
    [action] = proposal.body.actions
    cluster = on.bench.cluster(on.cluster)
    stolen = WriteCluster(
        name=cluster.name, clock=on.clock, connections=cluster.connections, kubernetes=cluster.kubernetes
    )
    with pytest.raises(ForbiddenError, match="patch"):
        await on.executor.action(action.request).apply(stolen, action.request, action.snapshot, "mw-stolen")
    assert on.generation() == before
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1, "the control: the executor's credentials may"


@attack(
    "two-incidents-one-target",
    "Two incidents change the same thing at once",
    tried="two approved proposals of two incidents for one workload, run while the first is not verified",
    stopped="a lock per entity in the transaction that writes `dispatched`, held until the verdict",
)
async def test_two_incidents(on: Stage) -> None:
    first, second = await approved(on), await sealed(on, rollback(on), incident=OTHER)
    assert isinstance(await on.decide(second.digest), Accepted)
    before = on.generation()
    await run(on.executor, first.digest)
    await run(on.executor, second.digest)
    waiting = await row(on, second)
    assert (waiting.status, on.generation()) == (ExecutionStatus.APPROVED, before + 1)
    assert f"waits for {INCIDENT}, which changes checkout" in await on.told(OTHER)
    async with on.store.transaction() as tx:
        assert on.id("shop/deployment/checkout") in await locks_of(tx, INCIDENT)
        assert await locks_of(tx, OTHER) == ()
        await release_locks(tx, INCIDENT)
    await run(on.executor, second.digest)
    ended = await row(on, second)
    assert "its target changed since it was seen" in ended.detail, "the control: then its turn comes, and the fence"


class Late:
    """An action whose request is on its way for a long time; its sender never sees the answer."""

    def __init__(self, action: Any) -> None:
        self._action = action
        self.arrive: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._action, name)

    async def apply(self, *given: Any) -> Any:
        self.arrive = lambda: self._action.apply(*given)
        raise TransientError("the connection was lost")


@attack(
    "late-request",
    "The request of a dead executor arrives late",
    tried="it is lost on the way, settled as failed, and reaches the API server a minute later",
    stopped="what was settled without an effect is looked at again for 15 minutes: the record says what happened",
)
async def test_late_request(on: Stage) -> None:
    before, proposal = on.generation(), await approved(on)
    [proposed] = proposal.body.actions
    late = Late(on.executor.action(proposed.request))
    async with another_executor(on, catalogue={**on.executor.catalogue, proposed.request.kind: late}) as dying:
        await run(dying, proposal.digest)
        assert (await row(on, proposal)).status is ExecutionStatus.FAILED
        await on.clock.sleep(60)
        await late.arrive()
    assert on.generation() == before + 1
    await run(on.executor, proposal.digest)
    found = await row(on, proposal)
    assert (found.status, "arrived late" in found.detail) == (ExecutionStatus.SUCCEEDED, True), found
    assert (await on.ledger(INCIDENT))[-2:] == ["failed", "executed"]
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1


@attack(
    "worker-with-write-credentials",
    "A web or worker process is broken into and uses write credentials",
    tried="the settings of every role as its process holds them, after it started",
    stopped="write credentials are dropped from the settings of a process without the executor role",
)
@pytest.mark.parametrize("role", ["web", "worker", "watcher"])
def test_roles_without_write_credentials(role: str, tmp_path: Path) -> None:
    config = tmp_path / "midwatch.yaml"
    config.write_text(
        json.dumps({"clusters": [{"name": "prod", "kubernetes_write": {"kubeconfig": "/secret/executor"}}]})
    )
    code = "from orchestrator.settings import load; s = load(); print(s.model_dump_json())"
    said = {
        one: subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(ROOT), "MIDWATCH_CONFIG": str(config), "MIDWATCH_ROLES": one, "PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for one in (role, "executor")
    }
    assert "/secret/executor" not in said[role]
    assert "/secret/executor" in said["executor"], "the control: the executor has them"


def test_control_connections_name_what_is_write() -> None:
    written = {name for name in Connections.model_fields if name.endswith("_write")}
    assert written == {"kubernetes_write", "argocd_write", "github_write"}
