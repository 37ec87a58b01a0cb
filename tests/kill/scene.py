"""A world and processes of Midwatch over one database, for tests that kill processes and look what became of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

import httpx
from pydantic import BaseModel, SecretStr

from incidents.incident import SETTLED
from service.demo.command import REFERENCE
from service.demo.estate import Keys, World, served, settings_for
from service.ports import free_port
from tools.clock import ScaledClock
from worlds.scenario.load import load_scenario

RATE = 30.0
"""The incident's ten minutes pass in a third of a minute."""
WAIT_SECONDS = 360.0
"""Real seconds: a loaded machine takes ten to start one process, and a run starts about ten."""
WORKERS = 2
"""Processes that live at the same time: one carries on at once, while the place of the dead one is filled."""
SIGKILLED = -9
REPOSITORY = Path(__file__).parents[2]

Process: TypeAlias = "subprocess.Popen[bytes]"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What stands while a test plays."""

    world: World
    url: str
    keys: Keys
    config: Path

    @property
    def folder(self) -> Path:
        """Where settings, logs and the marks of the dead lie."""
        return self.config.parent

    def start(self, *roles: str, kill_at: Sequence[str] = (), name: str = "") -> Process:
        """Start a process of Midwatch with these roles; with `kill_at` one that kills itself at the first of them."""
        module = "tests.kill.victim" if kill_at else "service"
        environment = self._environment | {"MIDWATCH_ROLES": json.dumps(roles), "KILL_AT": ",".join(kill_at)}
        with (self.folder / f"{name or '-'.join(roles)}.log").open("ab") as log:
            command = [sys.executable, "-m", module, "serve"]
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=REPOSITORY)

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {"MIDWATCH_CONFIG": str(self.config), "KILL_FOLDER": str(self.folder / "killed")}

    def verify_ledger(self) -> None:
        """`midwatch audit verify` says that the chain holds."""
        command = [sys.executable, "-m", "service", "audit", "verify"]
        said = subprocess.run(
            command, env=self._environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
        )
        assert said.returncode == 0, said.stdout + said.stderr

    def get(self, path: str) -> dict[str, Any]:
        """Ask the API as the on-call person."""
        headers = {"authorization": f"Bearer {self.keys.person.get_secret_value()}"}
        answer = httpx.get(f"{self.url}{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def approve(self, digest: str) -> httpx.Response:
        """Click."""
        headers = {"authorization": f"Bearer {self.keys.person.get_secret_value()}"}
        url = f"{self.url}/api/v1/proposals/{digest}/decision"
        return httpx.post(url, headers=headers, json={"choice": "approve", "reason": ""}, timeout=30)

    def deployment(self, name: str) -> dict[str, Any]:
        """The object as the world's API server has it."""
        url = f"{self.world.urls['kubernetes']}/apis/apps/v1/namespaces/shop/deployments/{name}"
        answer = httpx.get(url, headers={"authorization": f"Bearer {self.world.tokens['reader']}"}, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
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


class Shift:
    """Workers that share one incident; whoever dies is replaced."""

    def __init__(self, scene: Scene, *, points: Sequence[str]) -> None:
        """Nobody works yet."""
        self._scene, self._points = scene, tuple(points)
        self._living: list[Process] = []
        self._ends: dict[int, int] = {}
        (scene.folder / "killed").mkdir()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Start the first two; at the end of the block nobody is left."""
        for _ in range(WORKERS):
            self._hire()
        try:
            yield
        finally:
            with ended(*self._living):
                pass

    async def until_all_died(self) -> None:
        """Replace the dead until each point has killed somebody. Raises AssertionError with the logs."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.killed() != set(self._points):
            self._replace()
            if time.monotonic() > deadline:
                missing = ", ".join(point for point in self._points if point not in self.killed())
                raise AssertionError(f"nobody came to {missing}\n{self._scene.logs()}")
            await asyncio.sleep(0.1)
        self._replace()

    def killed(self) -> set[str]:
        """Points at which a process ended by SIGKILL, by the exit status that the system tells."""
        marks = (self._scene.folder / "killed").iterdir()
        return {mark.name for mark in marks if self._ends.get(int(mark.read_text() or 0)) == SIGKILLED}

    def _replace(self) -> None:
        for process in [one for one in self._living if one.poll() is not None]:
            self._living.remove(process)
            self._ends[process.pid] = process.returncode
            self._hire()

    def _hire(self) -> None:
        name = f"worker-{len(self._ends) + len(self._living)}"
        self._living.append(self._scene.start("worker", "executor", kill_at=self._points, name=name))


@contextmanager
def ended(*processes: Process) -> Iterator[None]:
    """At the end of the block these processes are stopped, by their ids."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=60)


async def until_settled(scene: Scene, *, approving: bool = True) -> dict[str, Any]:
    """Wait for the end of the incident, approving what is proposed; its record. Raises AssertionError with the logs."""
    deadline = time.monotonic() + WAIT_SECONDS
    record: dict[str, Any] = {}
    while time.monotonic() < deadline:
        newest = await asyncio.to_thread(_newest, scene)
        record = record if newest is None else newest
        phase = _phase(record)
        if phase in SETTLED:
            return record
        if phase == "awaiting_decision" and approving:
            await asyncio.to_thread(_approve_pending, scene, record)
        await asyncio.sleep(0.2)
    raise AssertionError(f"the incident did not end: {_phase(record)}\n{scene.logs()}")


def _newest(scene: Scene) -> dict[str, Any] | None:
    try:
        found = scene.get("/api/v1/incidents")["incidents"]
        assert isinstance(found, list)
        return scene.get(f"/api/v1/incidents/{found[-1]['id']}") if found else None
    except httpx.HTTPError:
        return None


def _phase(record: dict[str, Any]) -> object:
    incident = record.get("incident")
    return incident.get("phase") if isinstance(incident, dict) else None


def _approve_pending(scene: Scene, record: dict[str, Any]) -> None:
    proposals = record["proposals"]
    assert isinstance(proposals, list)
    for stored in proposals:
        if stored["status"] == "pending":
            answer = scene.approve(stored["digest"])
            assert answer.status_code in (200, 403, 409), answer.text
