"""The reference world at 02:47 with an executor before it; no alerts are delivered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.orchestrator.staging import Stage, stage


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    """A stage of the test's own."""
    async with stage(tmp_path, database_url, alerts=False) as made:
        yield made
