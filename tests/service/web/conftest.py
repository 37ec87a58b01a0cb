"""A web application over a real store: in process for most tests, behind uvicorn for browsers and streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from playwright.async_api import Browser, async_playwright

from orchestrator.settings import Settings
from orchestrator.store.database import Store
from service.web.app import create_app
from service.web.context import WebContext
from tests.orchestrator.servers import a_copy, embedded_server, migrated
from tests.service.web.casebook import NOW, Casebook
from tests.service.web.serving import served, web_context, web_settings
from tests.suites import require
from tools.clock import ManualClock


@pytest.fixture(scope="session")
def web_server() -> Iterator[str]:
    """The embedded server, with a migrated template database."""
    with migrated(embedded_server()) as url:
        yield url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def store(web_server: str, clock: ManualClock) -> AsyncIterator[Store]:
    with a_copy(web_server) as url:
        async with Store(url, clock=clock) as opened:
            yield opened


@pytest.fixture
def settings() -> Settings:
    return web_settings()


@pytest.fixture
def context(store: Store, settings: Settings, clock: ManualClock) -> WebContext:
    return web_context(store, settings, clock)


@pytest.fixture
def book(store: Store, settings: Settings, clock: ManualClock) -> Casebook:
    return Casebook(store, settings, clock)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=str(require("browser")), args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.fixture
async def base(context: WebContext) -> AsyncIterator[str]:
    """The address at which the application answers a browser."""
    async with served(context) as address:
        yield address


@pytest.fixture
async def client(context: WebContext) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the application without a network; nobody is signed in."""
    transport = httpx.ASGITransport(app=create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://midwatch.test") as opened:
        yield opened
