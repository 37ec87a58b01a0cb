"""Alerts of a served world reach the web application; workers and an executor do what is due when a test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.orchestrator.staging import Stage, stage


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    """The reference incident at 02:47."""
    async with stage(tmp_path, database_url) as made:
        yield made
