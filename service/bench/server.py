"""A Midwatch process of its own on an empty database, for benchmarks; stopped by its pid."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from service.ports import free_port

TOKEN = "bench-" + "0" * 26
START_SECONDS = 180.0
"""A busy machine with a cold disk needs some of them; an idle one two."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running process."""

    url: str
    process: psutil.Process
    data_dir: Path

    def cpu_seconds(self) -> float:
        """User and system time of the process itself so far; PostgreSQL's is not in it."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def serving(roles: tuple[str, ...], *, extra: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Start `midwatch serve` with these roles and wait until it is ready. Raises TimeoutError with its log."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="mw-bench-") as folder:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MIDWATCH_")}
        environment |= {
            "MIDWATCH_DATA_DIR": folder,
            "MIDWATCH_LISTEN__PORT": str(port),
            "MIDWATCH_ROLES": json.dumps(roles),
            "MIDWATCH_WEBHOOK__TOKENS": json.dumps([TOKEN]),
            "MIDWATCH_LOG_LEVEL": "WARNING",
            **(extra or {}),
        }
        log = Path(folder) / "serve.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "service", "serve"]
            child = subprocess.Popen(command, env=environment, stdout=output, stderr=output)  # noqa: S603 - our own
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, child, log)
            yield Served(url=url, process=psutil.Process(child.pid), data_dir=Path(folder))
        finally:
            child.terminate()
            child.wait(timeout=30)


def _wait(url: str, child: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError(f"midwatch serve did not become ready:\n{log.read_text(errors='replace')[-4000:]}")
