"""Programs that tests start for themselves: on loopback, on a free port, stopped by their own process."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from service.ports import free_port

READY_SECONDS = 90.0
"""A program that does not say that it is ready by then never will."""


def free_address() -> str:
    """`127.0.0.1:PORT` with a port that was free a moment ago."""
    return f"127.0.0.1:{free_port()}"


@contextmanager
def started(command: Sequence[str | Path], *, address: str) -> Iterator[str]:
    """Run a server of Prometheus' family until the end of the block; yield its base URL once it is ready."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(f"http://{address}", process, name=Path(command[0]).name)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], *, name: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}")
        try:
            if httpx.get(f"{url}/-/ready", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{name} was not ready after {READY_SECONDS:.0f} s")
