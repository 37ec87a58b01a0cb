"""A real Alertmanager on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import free_address, started
from tests.suites import require

EXTERNAL_URL = "http://alerts.example:9093"


@contextmanager
def alertmanager_with(config: str, *, folder: Path) -> Iterator[str]:
    """Start Alertmanager with a configuration on a free port and yield its base URL."""
    settings = folder / "alertmanager.yml"
    settings.write_text(config)
    address = free_address()
    command = [
        require("alertmanager"),
        f"--config.file={settings}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        f"--web.external-url={EXTERNAL_URL}",
        "--web.route-prefix=/",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with started(command, address=address) as url:
        yield url
