"""A real Prometheus on loopback that serves given samples."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.suites import require

_READY_SECONDS = 30.0


@contextmanager
def prometheus_with(text: str, *, folder: Path, config: str = "global: {}\n") -> Iterator[str]:
    """Load OpenMetrics text into a new data folder, start Prometheus on a free port and yield its base URL."""
    program = require("prometheus")
    source, data, settings = folder / "samples.om", folder / "data", folder / "prometheus.yml"
    source.write_text(text)
    settings.write_text(config)
    load = [program.with_name("promtool"), "tsdb", "create-blocks-from", "openmetrics", source, data]
    subprocess.run(load, check=True, capture_output=True, timeout=60)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            program,
            f"--config.file={settings}",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address={address}",
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
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"prometheus ended with {process.returncode}")
        try:
            if httpx.get(f"{url}/-/ready", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"prometheus was not ready after {_READY_SECONDS} s")
