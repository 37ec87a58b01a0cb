"""Served estates for the tests of all tools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.tools.served_estate import Served, serving


@pytest.fixture
async def estate(tmp_path: Path) -> AsyncIterator[Served]:
    """A world of the test's own, to change."""
    async with serving(tmp_path) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One world for the tests of a module that only look. They share its event loop."""
    async with serving(tmp_path_factory.mktemp("world")) as one:
        yield one
