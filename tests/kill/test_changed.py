"""A worker dies in the middle of a change: another one carries it on, and what was narrowed is proposed once and done."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kill.scene import WAIT_SECONDS, Process, Scene, stage

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]

LIFE_SECONDS = 14400
"""Of the story's time: what is narrowed lives no longer than what it replaces, and a loaded machine is slow."""


async def test_a_worker_dies_after_the_change_was_taken_up() -> None:
    with tempfile.TemporaryDirectory(prefix="mw") as folder:
        async with stage(Path(folder)) as scene:
            written = json.loads(scene.config.read_text())
            written["periods"] |= {"expiry_seconds": LIFE_SECONDS}
            scene.config.write_text(json.dumps(written))
            started = [scene.start("web")]
            try:
                started += [scene.start("worker", "executor", name=f"worker-{n}") for n in range(2)]
                await play(scene, started)
            except BaseException:
                print(scene.logs())
                raise
            finally:
                for process in started:
                    process.kill()
                    process.wait(timeout=60)


async def play(scene: Scene, started: list[Process]) -> None:
    first = await seen(lambda: pending(scene))
    before = scene.deployment("checkout")["metadata"]["generation"]
    longer = first["body"]["watch_seconds"] + 60
    answer = await asyncio.to_thread(narrow, scene, first["digest"], longer)
    started[1].kill()
    assert answer.status_code == 202, answer.text
    second = await seen(lambda: pending(scene))
    assert second["body"]["supersedes"] == first["digest"]
    assert second["body"]["watch_seconds"] == longer
    assert (await asyncio.to_thread(scene.approve, first["digest"])).status_code == 409
    assert (await asyncio.to_thread(scene.approve, second["digest"])).status_code == 200
    await seen(lambda: scene.deployment("checkout")["metadata"]["generation"] > before)
    made = proposals(scene)
    assert [one["status"] for one in made if one["digest"] == first["digest"]] == ["superseded"]
    assert len(made) == 2
    assert scene.deployment("checkout")["metadata"]["generation"] == before + 1
    await asyncio.to_thread(scene.verify_ledger)


def narrow(scene: Scene, digest: str, watch_seconds: int) -> httpx.Response:
    """Want it watched for longer, as the on-call person."""
    headers = {"authorization": f"Bearer {scene.keys.person.get_secret_value()}"}
    url = f"{scene.url}/api/v1/proposals/{digest}/change"
    return httpx.post(url, headers=headers, json={"watch_seconds": watch_seconds}, timeout=30)


def proposals(scene: Scene) -> list[dict[str, Any]]:
    """Of the only incident; none before there is one."""
    incidents = scene.get("/api/v1/incidents")["incidents"]
    found: list[dict[str, Any]] = scene.get(f"/api/v1/incidents/{incidents[0]['id']}")["proposals"] if incidents else []
    return found


def pending(scene: Scene) -> dict[str, Any] | None:
    """What waits for a decision."""
    return next((one for one in proposals(scene) if one["status"] == "pending"), None)


async def seen(look: Callable[[], Any]) -> Any:
    """What is looked for, as soon as it is there; the web process may not answer yet."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            if found := await asyncio.to_thread(look):
                return found
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.3)
    raise AssertionError("it did not come")
