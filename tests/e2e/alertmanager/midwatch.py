"""`midwatch serve` as a process of its own, that tests start, ask, kill and start again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from service.ports import free_port

ROOT = Path(__file__).parents[3]
PATH = "/api/v1/alerts/alertmanager"
WEBHOOK_TOKEN = "token-of-the-alertmanager"
USER, PASSWORD = "alertmanager", "password-of-the-alertmanager"
PERSON_TOKEN = "token-of-ada-the-oncall"
SECONDS = 40.0
"""Longer than anything takes on a busy machine; waiting ends as soon as what is awaited is there."""

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, what: str, seconds: float = SECONDS) -> T:
    """The first true answer; fails with `what` and the last one."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}; last answer: {answer!r}"
        time.sleep(0.1)
    return answer


def namespace_of(incident: dict[str, Any]) -> str:
    """Of the first thing that an incident is about."""
    return str(incident["entities"][0].split("/")[1])


class Midwatch:
    """One installation: a data folder (or a database), a port, and at most one process."""

    def __init__(
        self, folder: Path, *, roles: tuple[str, ...] = ("web",), port: int | None = None, **settings: str
    ) -> None:
        self.folder, self.port = folder, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {
            "MIDWATCH_DATA_DIR": str(folder),
            "MIDWATCH_ROLES": json.dumps(roles),
            "MIDWATCH_LISTEN__PORT": str(self.port),
            "MIDWATCH_WEBHOOK__TOKENS": json.dumps([WEBHOOK_TOKEN]),
            "MIDWATCH_WEBHOOK__USERS": json.dumps([{"username": USER, "password": PASSWORD}]),
            "MIDWATCH_PEOPLE": json.dumps([{"name": "ada", "token": PERSON_TOKEN, "roles": ["oncall"]}]),
            "MIDWATCH_LOG_LEVEL": "WARNING",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=self.url, timeout=30, headers={"Authorization": f"Bearer {PERSON_TOKEN}"})

    @property
    def webhook(self) -> str:
        """Where alerts are posted to."""
        return f"{self.url}{PATH}"

    def start(self) -> None:
        """Start it and wait until it is ready. The log is in the failure when it is not."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MIDWATCH_")}
        command = [sys.executable, "-m", "service", "serve"]
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment | self._settings, stdout=log, stderr=log
            )
        try:
            eventually(self._ready, what="midwatch serve is ready", seconds=60)
        except AssertionError:
            self.stop()
            raise AssertionError(f"midwatch serve did not become ready:\n{self.log()}") from None

    def kill(self) -> None:
        """SIGKILL: no shutdown of any kind."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=30)
        self._process = None

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def close(self) -> None:
        """Stop, and let go of the client."""
        self.stop()
        self._client.close()

    def log(self) -> str:
        """What it said."""
        return (self.folder / "serve.log").read_text(errors="replace")[-4000:]

    def post(self, body: object, *, token: str = WEBHOOK_TOKEN) -> httpx.Response:
        """Deliver a body as Alertmanager would."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._client.post(PATH, content=content, headers={"Authorization": f"Bearer {token}"})

    def incidents(self, *namespaces: str) -> list[dict[str, Any]]:
        """The incidents about something in these namespaces (all when none is given), oldest first."""
        found: list[dict[str, Any]] = self._get("/api/v1/incidents?limit=200")["incidents"]
        return [one for one in found[::-1] if not namespaces or namespace_of(one) in namespaces]

    def record(self, incident: str) -> dict[str, Any]:
        """Everything that is stored of one."""
        return self._get(f"/api/v1/incidents/{incident}")

    def figures(self) -> Mapping[str, float]:
        """Its own metrics without labels."""
        lines = self._client.get("/metrics").text.splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if name[:1] != "#"}

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._client.get(path)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"midwatch ended:\n{self.log()}"
        try:
            return self._client.get("/readyz").is_success
        except httpx.TransportError:
            return False
