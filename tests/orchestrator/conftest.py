"""One server per test run and kind, one migrated template in it, and a copy of that for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from orchestrator.settings import Settings
from orchestrator.store.database import Store
from tests.orchestrator.servers import a_copy, debian_server, embedded_server, migrated


@pytest.fixture(scope="session")
def embedded() -> Iterator[str]:
    """The embedded server, with a migrated template database."""
    with migrated(embedded_server()) as url:
        yield url


@pytest.fixture(scope="session")
def debian() -> Iterator[str]:
    """Debian's server, with a migrated template database."""
    with migrated(debian_server()) as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database of its own: on the embedded server, or where the test's `server` parameter says."""
    server: str = request.getfixturevalue(getattr(request, "param", "embedded"))
    with a_copy(server) as url:
        yield url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """The store over that database."""
    async with Store(database_url) as opened:
        yield opened


@pytest.fixture
def settings() -> Settings:
    """Settings with two clusters and nothing from the environment."""
    return Settings(clusters=({"name": "prod-eu"}, {"name": "prod-us"}))


@pytest.fixture
def open_store(database_url: str) -> Callable[[], Store]:
    """Another process's store over the same database: the caller closes it."""
    return lambda: Store(database_url)


both_servers = pytest.mark.parametrize(
    "database_url", ["embedded", pytest.param("debian", marks=pytest.mark.postgres)], indirect=True
)
