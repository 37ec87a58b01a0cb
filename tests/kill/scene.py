"""A world and processes of Midwatch over one database, for tests that kill processes and look what became of the incident."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

import httpx
from pydantic import BaseModel, SecretStr

from incidents.incident import SETTLED
from service.demo.command import REFERENCE
from service.demo.estate import Keys, World, served, settings_for
from service.ports import free_port
from tools.clock import ScaledClock
from worlds.scenario.load import load_scenario

RATE = 30.0
"""The incident's ten minutes pass in a quarter of a minute."""
WAIT_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What stands while a test plays."""

    world: World
    url: str
    keys: Keys
    config: Path

    def start(self, *roles: str, kill_at: str = "") -> "subprocess.Popen[bytes]":
        """Start a process of Midwatch with these roles; with `kill_at` one that kills itself there, once."""
        environment = os.environ | {
            "MIDWATCH_CONFIG": str(self.config),
            "MIDWATCH_ROLES": json.dumps(roles),
            "KILL_AT": kill_at,
            "KILL_FLAG": str(self.config.parent / "killed"),
        }
        module = "tests.kill.victim" if kill_at else "service"
        log = (self.config.parent / f"{'-'.join(roles)}{'-victim' if kill_at else ''}.log").open("ab")
        command = [sys.executable, "-m", module, "serve"]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2])

    def get(self, path: str) -> dict[str, object]:
        """Ask the API as the on-call person."""
        headers = {"authorization": f"Bearer {self.keys.person.get_secret_value()}"}
        answer = httpx.get(f"{self.url}{path}", headers=headers, timeout=10)
        answer.raise_for_status()
        found: dict[str, object] = answer.json()
        return found

    def approve(self, digest: str) -> httpx.Response:
        """Click."""
        headers = {"authorization": f"Bearer {self.keys.person.get_secret_value()}"}
        url = f"{self.url}/api/v1/proposals/{digest}/decision"
        return httpx.post(url, headers=headers, json={"choice": "approve", "reason": ""}, timeout=10)

    def deployment(self, name: str) -> dict[str, object]:
        """The object as the world's API server has it."""
        url = f"{self.world.urls['kubernetes']}/apis/apps/v1/namespaces/shop/deployments/{name}"
        answer = httpx.get(url, headers={"authorization": f"Bearer {self.world.tokens['reader']}"}, timeout=10)
        answer.raise_for_status()
        found: dict[str, object] = answer.json()
        return found

    def logs(self) -> str:
        """What the processes said, for a failing test."""
        parts = [
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in self.config.parent.glob("*.log")
        ]
        return "\n".join(parts)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Scene]:
    """The reference world and a settings file; no process of Midwatch runs yet."""
    clock = str(
        ScaledClock(epoch=load_scenario(REFERENCE).now - timedelta(seconds=60), wall=time.time() + 4, rate=RATE)
    )
    keys, port = Keys.fresh(), free_port()
    webhook = f"http://127.0.0.1:{port}/api/v1/alerts/alertmanager"
    async with served(REFERENCE, clock=clock, webhook=webhook, token=keys.webhook.get_secret_value()) as world:
        settings = settings_for(world, folder=folder, clock=clock, keys=keys, port=port)
        config = folder / "midwatch.yaml"
        written = plain(settings)
        assert isinstance(written, dict)
        written["periods"] |= {
            "lease_seconds": 3.0,
            "heartbeat_seconds": 0.5,
            "takeover_seconds": 2.0,
            "sweep_seconds": 1.0,
            "poll_seconds": 0.2,
        }
        config.write_text(json.dumps(written))
        yield Scene(world=world, url=f"http://127.0.0.1:{port}", keys=keys, config=config)


def plain(value: object) -> object:  # noqa: PLR0911 - one line per kind of value
    """Settings as they are written in a file, secrets included."""
    match value:
        case BaseModel():
            return {
                name: plain(getattr(value, name))
                for name in type(value).model_fields
                if getattr(value, name) is not None
            }
        case SecretStr():
            return value.get_secret_value()
        case Enum():
            return value.value
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case Path():
            return str(value)
        case _:
            return value


@contextmanager
def ended(*processes: "subprocess.Popen[bytes]") -> Iterator[None]:
    """At the end of the block these processes are stopped, by their ids."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=15)


async def until_settled(scene: Scene, *, approving: bool = True) -> dict[str, object]:
    """Wait for the end of the incident, approving what is proposed; its record. Raises AssertionError with the logs."""
    deadline = time.monotonic() + WAIT_SECONDS
    record: dict[str, object] = {}
    while time.monotonic() < deadline:
        record = await asyncio.to_thread(_newest, scene) or record
        phase = _phase(record)
        if phase in SETTLED:
            return record
        if phase == "awaiting_decision" and approving:
            await asyncio.to_thread(_approve_pending, scene, record)
        await asyncio.sleep(0.2)
    raise AssertionError(f"the incident did not end: {_phase(record)}\n{scene.logs()}")


def _newest(scene: Scene) -> dict[str, object] | None:
    try:
        found = scene.get("/api/v1/incidents")["incidents"]
        assert isinstance(found, list)
        return scene.get(f"/api/v1/incidents/{found[-1]['id']}") if found else None
    except httpx.HTTPError:
        return None


def _phase(record: dict[str, object]) -> object:
    incident = record.get("incident")
    return incident.get("phase") if isinstance(incident, dict) else None


def _approve_pending(scene: Scene, record: dict[str, object]) -> None:
    proposals = record["proposals"]
    assert isinstance(proposals, list)
    for stored in proposals:
        if stored["status"] == "pending":
            answer = scene.approve(stored["digest"])
            assert answer.status_code in (200, 403, 409), answer.text
