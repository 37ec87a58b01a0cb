"""`python -m worlds` as a process of its own."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = "evals/scenarios/bad-deploy/checkout-memory-limit.yaml"


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "worlds",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_it_says_where_it_is_and_ends_on_sigterm() -> None:
    clock = f"2026-11-17T02:47:00Z@{time.time()!r}*60"
    process = await start(REFERENCE, "--port", "0", "--clock", clock)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready = json.loads(await process.stdout.readline())
        assert set(ready["tokens"]) >= {"reader", "executor", "github", "argocd"}
        async with httpx.AsyncClient(timeout=60) as http:
            first = (await http.get(f"{ready['urls']['world']}/state")).json()
            assert first["active_faults"] == 1
            assert first["pods"]["ready"] >= 27
            await asyncio.sleep(0.3)
            second = (await http.get(f"{ready['urls']['world']}/clock")).json()
            assert second["now"] > first["now"]
            refused = await http.post(f"{ready['urls']['world']}/advance", json={"seconds": 5})
            assert refused.status_code == 409
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            code = await process.wait()
    assert code == 0


async def test_a_broken_scenario_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("title: 1\n")
    process = await start(str(path))
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert "broken.yaml:1: estate: is missing" in errors.decode()


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-17T02:47:00Z@now*1"])
async def test_an_unreadable_clock_is_refused(text: str) -> None:
    process = await start(REFERENCE, "--clock", text)
    _, errors = await process.communicate()
    assert process.returncode != 0
    assert "is not a clock" in errors.decode()
