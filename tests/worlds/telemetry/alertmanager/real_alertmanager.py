"""A real Alertmanager on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.suites import require

EXTERNAL_URL = "http://alerts.example:9093"


@contextmanager
def alertmanager_with(config: str, *, folder: Path) -> Iterator[str]:
    """Start Alertmanager with a configuration on a free port and yield its base URL."""
    settings = folder / "alertmanager.yml"
    settings.write_text(config)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            require("alertmanager"),
            f"--config.file={settings}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            f"--web.external-url={EXTERNAL_URL}",
            "--web.route-prefix=/",
            "--cluster.listen-address=",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(f"http://{address}", process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"alertmanager ended with {process.returncode}")
        try:
            if httpx.get(f"{url}/-/ready", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError("alertmanager was not ready after 20 s")
