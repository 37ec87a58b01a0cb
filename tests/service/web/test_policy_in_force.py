"""A process that runs takes a changed policy up, says loudly when it cannot, and goes on with the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from incidents.ledger import EntryKind
from orchestrator.store.ledger import kinds_of
from service.process import Running, running
from tests.orchestrator.policy.asking import ASK_ALL
from tests.orchestrator.servers import a_copy
from tests.service.web.serving import web_settings
from tests.service.web.signing import sign_in

SECONDS = 120.0
"""Generous: it takes four on a machine with nothing else to do."""


@pytest.fixture
async def process(web_server: str, tmp_path: Path) -> AsyncIterator[Running]:
    """Web and executor in one process, with a policy of their own."""
    (tmp_path / "policy.yaml").write_text(ASK_ALL)
    with a_copy(web_server) as url:
        settings = web_settings(
            database_url=url,
            data_dir=str(tmp_path / "data"),
            policy=str(tmp_path),
            roles=("web", "executor"),
            listen={"port": 0},
        )
        async with running(settings) as made:
            yield made


@pytest.fixture
async def client(process: Running) -> AsyncIterator[httpx.AsyncClient]:
    assert process.web is not None
    async with httpx.AsyncClient(base_url=process.web.base_url, timeout=30) as opened:
        yield opened


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await look():  # noqa: ASYNC110 - what is waited for is in another task's hands
            await asyncio.sleep(0.2)


async def test_a_changed_policy_counts_and_a_broken_one_is_told_everywhere(
    process: Running, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    async def policy() -> str:
        return str((await client.get("/readyz")).json()["policy"])

    async def entries(kind: EntryKind) -> int:
        async with process.store.transaction() as tx:
            return len(await kinds_of(tx, kind))

    async def refused() -> bool:
        return await policy() != "in force"

    async def changed() -> bool:
        return await entries(EntryKind.POLICY_CHANGED) == 1 and await policy() == "in force"

    await sign_in(client, "dana")
    assert await policy() == "in force"
    (tmp_path / "policy.yaml").write_text(ASK_ALL.replace("effect: ask", "effect: perhaps"))
    await until(refused)
    assert await entries(EntryKind.POLICY_REFUSED) == 1
    assert "midwatch_policy_unusable 1.0" in (await client.get("/metrics")).text
    for page in ("/", "/policy", "/audit"):
        assert "The policy's files cannot be used" in (await client.get(page)).text.replace("&#39;", "'")
    assert "everything" in (await client.get("/policy")).text, "the rows in force are shown"
    (tmp_path / "policy.yaml").write_text(ASK_ALL.replace("name: everything", "name: two of them"))
    await until(changed)
    page = (await client.get("/policy")).text
    assert "two of them" in page
    assert "cannot be used" not in page
