"""The demo as a process of its own: the link that it prints, until somebody has looked enough. Ended by its id."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from service.ports import free_port

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign-in\?token=\S+")


START_SECONDS = 200
"""On a machine with much to do."""


@asynccontextmanager
async def demo(*arguments: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """The demo's process; the link that it prints. `settings` are MIDWATCH_* besides its own. Stopped by its id.

    Nothing that it started is left behind.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "service", "demo", "--port", str(free_port()), *arguments),
        cwd=ROOT,
        env={**os.environ, **(settings or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
        start_new_session=True,
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
        process.terminate()
        async with asyncio.timeout(120):
            await process.wait()
        await reading
        assert process.returncode == 0
        async with asyncio.timeout(120):
            while _some_left(process.pid):  # noqa: ASYNC110 - nobody tells when a group of processes is empty
                await asyncio.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _some_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
