"""The demo as a process of its own: the link that it prints, until somebody has looked enough. Ended by its id."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from service.ports import free_port

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign-in\?token=\S+")


START_SECONDS = 200
"""On a machine with much to do."""


@asynccontextmanager
async def demo(*arguments: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """The demo's process; the link that it prints. `settings` are MIDWATCH_* besides its own. Stopped by its id."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "service", "demo", "--port", str(free_port()), *arguments),
        cwd=ROOT,
        env={**os.environ, **(settings or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
    )
    assert process.stdout is not None
    try:
        said: list[str] = []
        async with asyncio.timeout(START_SECONDS):
            async for line in process.stdout:
                said.append(line.decode())
                if found := LINK.search(said[-1]):
                    break
            else:
                raise AssertionError("the demo printed no link:\n" + "".join(said[-40:]))
        reading = asyncio.create_task(process.stdout.read())
        yield found.group()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            await process.wait()
        await reading
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
