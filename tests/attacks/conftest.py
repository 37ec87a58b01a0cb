"""Grounds on which attacks are tried, and the table that a run prints at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from orchestrator.store.database import Store
from service.web.context import WebContext
from tests.attacks.attack import Attack
from tests.orchestrator.servers import a_copy, embedded_server, migrated
from tests.orchestrator.staging import Stage, stage
from tests.service.web.casebook import NOW, Casebook
from tests.service.web.serving import served, web_context, web_settings
from tools.clock import ManualClock


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The embedded PostgreSQL, with a migrated template database."""
    with migrated(embedded_server()) as url:
        yield url


@pytest.fixture
def database_url(server: str) -> Iterator[str]:
    """A database of the test's own."""
    with a_copy(server) as url:
        yield url


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    """The reference world, a web server and an executor before it; no alerts are delivered."""
    async with stage(tmp_path, database_url, alerts=False) as made:
        yield made


@dataclass(frozen=True, kw_only=True)
class Web:
    """A web role alone, over a real store: for attacks that end at its door."""

    url: str
    context: WebContext
    book: Casebook

    @property
    def client(self) -> httpx.AsyncClient:
        """Nobody is signed in."""
        return httpx.AsyncClient(base_url=self.url, timeout=60)


@pytest.fixture
async def web(database_url: str) -> AsyncIterator[Web]:
    """Served by uvicorn on a free port."""
    clock = ManualClock(NOW)
    async with Store(database_url, clock=clock) as store:
        settings = web_settings()
        context = web_context(store, settings, clock)
        async with served(context) as url:
            yield Web(url=url, context=context, book=Casebook(store, settings, clock))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every report say which attack it is of."""
    for item in items:
        row = getattr(getattr(item, "function", None), "attack", None)
        if isinstance(row, Attack):
            item.user_properties.append(("attack", (row.id, row.name, row.stopped)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per attack: stopped by what, or SUCCEEDED."""
    results: dict[tuple[str, str, str], bool] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", ()):
                if name == "attack":
                    key = (str(value[0]), str(value[1]), str(value[2]))
                    results[key] = results.get(key, True) and outcome == "passed"
    if not results:
        return
    terminalreporter.section("attacks")
    for (row, name, stopped), held in sorted(results.items()):
        line = f"{row:<28} {name:<62} " + (f"stopped: {stopped}" if held else "SUCCEEDED")
        terminalreporter.write_line(line, red=not held)
    succeeded = sum(1 for held in results.values() if not held)
    terminalreporter.write_line(f"{len(results)} attacks tried, {succeeded} succeeded", bold=True, red=bool(succeeded))
