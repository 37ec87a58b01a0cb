"""How many alerts a web process commits per second, and at what CPU, one and fifty to a request. None may be lost."""

import asyncio
import time
from datetime import UTC, datetime

import httpx

from orchestrator.postgres import EmbeddedServer
from orchestrator.store.database import Store
from orchestrator.store.figures import figures
from service.bench.figure import Figure
from service.bench.server import TOKEN, Served, serving

SINGLES = 200
BATCHES = 30
WARM = 10
BATCH = 50
AIM_MS = 2.0
"""Milliseconds of CPU per alert in batches."""


def measure() -> list[Figure]:
    """Send alerts from one client over one connection, each answered before the next, and count the rows at the end."""
    with serving(("web",)) as served:
        _send(served, requests=WARM, per_request=BATCH, label="warm")
        singles = _send(served, requests=SINGLES, per_request=1, label="single")
        batches = _send(served, requests=BATCHES, per_request=BATCH, label="batch")
        lost = SINGLES + (WARM + BATCHES) * BATCH - asyncio.run(_committed(served))
    return [
        *_figures("alerts one by one", singles, SINGLES, aim=None),
        *_figures(f"alerts in requests of {BATCH}", batches, BATCHES * BATCH, aim=AIM_MS),
        Figure(name="alerts lost", value=lost, unit="alerts", aim="0", met=lost == 0),
    ]


def _figures(name: str, taken: tuple[float, float], count: int, *, aim: float | None) -> list[Figure]:
    wall, cpu = taken
    each = cpu * 1000 / count
    words = f"at most {aim:g} ms" if aim is not None else ""
    return [
        Figure(name=f"{name}: committed", value=count / wall, unit="alerts/s"),
        Figure(name=f"{name}: CPU", value=each, unit="ms/alert", aim=words, met=None if aim is None else each <= aim),
    ]


def _send(served: Served, *, requests: int, per_request: int, label: str) -> tuple[float, float]:
    """(wall seconds, CPU seconds of the server)."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    bodies = [_body(label, number, per_request) for number in range(requests)]
    with httpx.Client(headers=headers, timeout=30) as client:
        cpu, started = served.cpu_seconds(), time.perf_counter()
        for body in bodies:
            client.post(f"{served.url}/api/v1/alerts/alertmanager", json=body).raise_for_status()
        return time.perf_counter() - started, served.cpu_seconds() - cpu


def _body(label: str, number: int, size: int) -> dict[str, object]:
    now = datetime.now(UTC).isoformat()
    alerts = [
        {
            "status": "firing",
            "labels": {
                "alertname": "KubePodNotReady",
                "namespace": f"{label}-{number % 7}",
                "deployment": f"service-{number}-{index}",
                "severity": "warning",
                "bench": label,
            },
            "annotations": {"summary": "A pod has not been ready for longer than 15 minutes."},
            "startsAt": now,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": f"{hash((label, number, index)) & 0xFFFFFFFFFFFFFFFF:016x}",
        }
        for index in range(size)
    ]
    return {
        "version": "4",
        "groupKey": f'{{}}:{{bench="{label}", number="{number}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "midwatch",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": alerts,
    }


async def _committed(served: Served) -> int:
    """Alerts in the database, read past the process that took them in."""
    server = EmbeddedServer(served.data_dir)
    try:
        async with Store(server.url) as store, store.transaction() as tx:
            return sum((await figures(tx)).alerts.values())
    finally:
        server.release()
