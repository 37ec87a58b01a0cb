"""One incident on the real control plane, worked on by real processes of every role, who are killed as it goes on.

A lane has a namespace, a database and an address of its own, so that several play at once. Its processes are forked: they
run what `midwatch serve` runs, with one role each, and the functions of `places.py` wrapped from outside.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from incidents.incident import SETTLED
from orchestrator.settings import Role, Settings
from service.logs import log_to_stderr
from service.ports import free_port
from service.process import serve
from tests.cluster.places import Point, arm, keep_a_journal
from tests.cluster.product import NAME, PERSON, WEBHOOK, Product, story

LIVING = {Role.WEB: 1, Role.WORKER: 2, Role.EXECUTOR: 2}
"""Processes that live at the same time. People find another door themselves; work is taken over by who is there."""
PERIODS = {
    "lease_seconds": 3.0,
    "heartbeat_seconds": 0.4,
    "takeover_seconds": 1.6,
    "sweep_seconds": 1.0,
    "poll_seconds": 0.2,
    "watch_seconds": 12.0,
    "measure_seconds": 1.0,
    "twin_seconds": 0.0,
}
"""A fifth of what an installation has by default (15 s, 2 s, 6 s, 5 s, 2 s), and a short watch."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a lane stands on."""

    namespace: str
    folder: Path
    database: str
    reader: Path
    executor: Path
    port: int = field(default_factory=free_port)

    def settings(self, role: Role) -> Settings:
        """Of a process with this role."""
        cluster: dict[str, Any] = {
            "name": NAME,
            "kubernetes": {"kubeconfig": str(self.reader)},
            "namespaces": (self.namespace,),
        }
        if role is Role.EXECUTOR:
            cluster["kubernetes_write"] = {"kubeconfig": str(self.executor)}
        return Settings.model_validate(
            {
                "database_url": self.database,
                "data_dir": self.folder / "data",
                "listen": {"port": self.port},
                "clusters": (cluster,),
                "webhook": {"tokens": (WEBHOOK,)},
                "people": ({"name": "Dana", "token": PERSON, "roles": ("viewer", "oncall")},),
                "periods": PERIODS,
                "roles": (role,),
            }
        )


class Lane:
    """The incident and its processes. `tick` never waits long, so that one loop can play all lanes."""

    def __init__(self, ground: Ground, *, labels: dict[str, str], points: tuple[Point, ...]) -> None:
        """Nothing runs yet."""
        self.ground, self.points = ground, points
        self.record: dict[str, Any] = {}
        self._labels = labels
        self._alive: dict[int, Role] = {}
        self._ends: dict[int, int] = {}
        self._flags, self._journal = ground.folder / "killed", ground.folder / "journal"
        self._flags.mkdir(parents=True)
        self._journal.touch()
        self._product = Product(url=f"http://127.0.0.1:{ground.port}", log=ground.folder / "log")
        self._alerted = self._resolved = False

    @property
    def killed(self) -> dict[str, float]:
        """Points at which a process ended by SIGKILL, as the system tells, and when that was (wall clock)."""
        marks = {mark: int(mark.read_text() or 0) for mark in self._flags.iterdir()}
        ended = {mark: self._ends.get(pid) for mark, pid in marks.items()}
        return {
            mark.name: mark.stat().st_mtime
            for mark, status in ended.items()
            if status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        }

    @property
    def over(self) -> bool:
        """Whether the incident has its end, and every point killed somebody."""
        return self._phase in SETTLED and len(self.killed) == len(self.points) and not self._waiting

    @property
    def told(self) -> str:
        """What happened, for a failing test."""
        missing = [point.name for point in self.points if point.name not in self.killed]
        log = self._product.log
        said = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        return f"{self._phase}; nobody came to {missing}, nobody went on after {self._waiting}\n{story(self.record)}\n{said}"

    @property
    def _phase(self) -> str:
        return str(self.record.get("incident", {}).get("phase", "not there"))

    @property
    def _waiting(self) -> list[str]:
        """Points after which nobody has gone on yet."""
        return [point.name for point in self.points if self.carried_on(point) is None]

    def carried_on(self, point: Point) -> float | None:
        """Seconds from the kill at a point until another process of that role worked on the incident."""
        died, (_, _, pid) = self.killed.get(point.name), self._mark(point)
        if died is None:
            return None
        lines = (line.split() for line in self._journal.read_text().splitlines())
        later = [float(at) - died for at, who, role in lines if role == point.role and int(who) != pid]
        return min((seconds for seconds in later if seconds > 0), default=None)

    def _mark(self, point: Point) -> tuple[str, Role, int]:
        path = self._flags / point.name
        return point.name, point.role, int(path.read_text() or 0) if path.exists() else 0

    def tick(self) -> None:
        """Fill the places of the dead, and do what a person or Alertmanager does next."""
        self._fill()
        try:
            if httpx.get(f"{self._product.url}/readyz", timeout=5).is_success:
                self._next()
        except httpx.HTTPError:
            return  # The door is dead or not open yet: there is another tick.

    def stop(self) -> None:
        """End whoever lives, by their ids."""
        for pid in self._alive:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 15
        for pid in self._alive:
            while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)
            self._ends[pid] = ended[1]
        self._alive.clear()

    def verify_ledger(self) -> bool:
        """Whether the chain holds, by the product's own word. The door has to be open."""
        return bool(self._product.get("/api/v1/audit/verify")["intact"])

    def _next(self) -> None:
        if not self._alerted:
            self._product.alert("KubePodCrashLooping", **self._labels)
            self._alerted = True
        found = self._product.get("/api/v1/incidents")["incidents"]
        if not found:
            return
        self.record = self._product.get(f"/api/v1/incidents/{found[0]['id']}")
        if self._phase == "awaiting_decision":
            for stored in self.record["proposals"]:
                if stored["status"] == "pending":
                    self._product.decide(stored["digest"])
        done = [step["execution"]["status"] for stored in self.record["proposals"] for step in stored["steps"]]
        if "succeeded" in done and not self._resolved:
            self._product.alert("KubePodCrashLooping", status="resolved", **self._labels)
            self._resolved = True

    def _fill(self) -> None:
        for pid in list(self._alive):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._ends[pid] = status
                del self._alive[pid]
        for role, wanted in LIVING.items():
            for _ in range(wanted - list(self._alive.values()).count(role)):
                self._alive[self._fork(role)] = role

    def _fork(self, role: Role) -> int:
        """Start a process of this role. The parent has no event loop and no thread."""
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            log = os.open(self._product.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            sys.stderr = os.fdopen(2, "w", buffering=1)  # Not the one that the test runner put in its place.
            log_to_stderr("WARNING")
            keep_a_journal(self._journal, role=role)
            arm([point for point in self.points if point.role is role], self._flags)
            asyncio.run(serve(self.ground.settings(role)))
            status = 0
        finally:
            os._exit(status)
