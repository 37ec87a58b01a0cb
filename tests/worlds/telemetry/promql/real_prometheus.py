"""A real Prometheus on loopback that serves given samples."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import free_address, started
from tests.suites import require


@contextmanager
def prometheus_with(text: str, *, folder: Path, config: str = "global: {}\n") -> Iterator[str]:
    """Load OpenMetrics text into a new data folder, start Prometheus on a free port and yield its base URL."""
    program = require("prometheus")
    source, data, settings = folder / "samples.om", folder / "data", folder / "prometheus.yml"
    source.write_text(text)
    settings.write_text(config)
    load = [program.with_name("promtool"), "tsdb", "create-blocks-from", "openmetrics", source, data]
    subprocess.run(load, check=True, capture_output=True, timeout=60)
    address = free_address()
    command = [
        program,
        f"--config.file={settings}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    with started(command, address=address) as url:
        yield url
