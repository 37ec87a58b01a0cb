"""`midwatch serve` over a real cluster, as an installation runs it: one process, two service accounts, alerts by webhook.

A cluster's timestamps are real, so whoever investigates runs in real time: with a faster clock a node would seem silent
that has just sent its heartbeat. Only the watch over a change that was made may be given to a second process whose
patience runs faster: it begins at the moment at which the first one ended, and looks at its own clock alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from service.ports import free_port
from tests.cluster.eventually import eventually

REPOSITORY = Path(__file__).parents[2]
FASTER = 10.0
"""Seconds of Midwatch's clock per real second while it only watches."""
START_SECONDS = 90.0
WEBHOOK = "token-of-alertmanager"
PERSON = "token-of-dana-on-call"
NAME = "real"
"""What the cluster is called in ids."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """A running process, seen from outside."""

    url: str
    log: Path
    started: dict[str, str] = field(default_factory=dict)

    def alert(self, name: str, *, status: str = "firing", **labels: str) -> None:
        """What Alertmanager posts when an alert of kube-prometheus begins or ends."""
        key = f"{name}{sorted(labels.items())}"
        began = self.started.setdefault(key, _stamp())
        labels = {"alertname": name, "severity": "critical", "prometheus": "monitoring/k8s", **labels}
        alert = {
            "status": status,
            "labels": labels,
            "annotations": {"summary": f"{name} in {labels['namespace']}"},
            "startsAt": began,
            "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else _stamp(),
            "generatorURL": "http://prometheus.example/graph?g0.expr=up",
            "fingerprint": f"{abs(hash(key)):016x}"[:16],
        }
        body = {
            "receiver": "midwatch",
            "status": status,
            "alerts": [alert],
            "groupLabels": {"namespace": labels["namespace"]},
            "commonLabels": labels,
            "commonAnnotations": alert["annotations"],
            "externalURL": "http://alertmanager.example",
            "version": "4",
            "groupKey": f'{{}}:{{namespace="{labels["namespace"]}"}}',
            "truncatedAlerts": 0,
        }
        headers = {"authorization": f"Bearer {WEBHOOK}"}
        httpx.post(f"{self.url}/api/v1/alerts/alertmanager", json=body, headers=headers, timeout=60).raise_for_status()

    def get(self, path: str) -> dict[str, Any]:
        """Ask the API as the person on call."""
        answer = httpx.get(f"{self.url}{path}", headers={"authorization": f"Bearer {PERSON}"}, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def decide(self, digest: str, choice: str = "approve") -> None:
        """Click as the person on call."""
        url, headers = f"{self.url}/api/v1/proposals/{digest}/decision", {"authorization": f"Bearer {PERSON}"}
        httpx.post(url, json={"choice": choice, "reason": "test"}, headers=headers, timeout=60).raise_for_status()

    def until(self, *phases: str, seconds: float = 90.0) -> dict[str, Any]:
        """The record of the one incident, once it is in one of these phases; its story, when it is not."""
        found: dict[str, Any] = {}

        def look() -> bool:
            incidents = self.get("/api/v1/incidents")["incidents"]
            if incidents:
                found.update(self.get(f"/api/v1/incidents/{incidents[0]['id']}"))
            return bool(found) and found["incident"]["phase"] in phases

        try:
            eventually(look, what=f"an incident that is {' or '.join(phases)}", seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{story(found)}\n{self.log.read_text()[-3000:]}") from None
        return found


def story(record: Mapping[str, Any]) -> str:
    """The timeline as lines, for a failing test."""
    return "\n".join(f"{line['at'][11:19]} {line['actor']:<14} {line['text']}" for line in record.get("timeline", ()))


@contextmanager
def serving(
    folder: Path,
    *,
    reader: Path,
    executor: Path,
    namespaces: Sequence[str] = (),
    runbooks: Sequence[Path] = (),
    pace: float = 1.0,
) -> Iterator[Product]:
    """Start `midwatch serve` with all its roles and these two identities; stop it by its id at the end.

    In the same folder it goes on with the same database.
    """
    port, now = free_port(), time.time()
    settings = {
        "data_dir": str(folder / "data"),
        "clock": f"{datetime.fromtimestamp(now, tz=UTC).isoformat()}@{now!r}*{pace!r}".replace("+00:00", "Z"),
        "listen": {"port": port},
        "clusters": [
            {
                "name": NAME,
                "kubernetes": {"kubeconfig": str(reader)},
                "kubernetes_write": {"kubeconfig": str(executor)},
                "namespaces": list(namespaces),
            }
        ],
        "webhook": {"tokens": [WEBHOOK]},
        "people": [{"name": "Dana", "token": PERSON, "roles": ["viewer", "oncall"]}],
        "periods": {"watch_seconds": 240.0, "measure_seconds": 5.0, "poll_seconds": 0.5},
        "runbooks": [str(path) for path in runbooks],
        "log_level": "WARNING",
    }
    config, log = folder / "midwatch.yaml", folder / "midwatch.log"
    config.write_text(json.dumps(settings))
    config.chmod(0o600)
    with log.open("ab") as output:
        command = [sys.executable, "-m", "service", "serve"]
        environment = os.environ | {"MIDWATCH_CONFIG": str(config)}
        child = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=output, stderr=output)
    try:
        made = Product(url=f"http://127.0.0.1:{port}", log=log)
        eventually(lambda: _ready(made.url, child, log), what="midwatch serve is ready", seconds=START_SECONDS)
        yield made
    finally:
        child.terminate()
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(timeout=60)


def _ready(url: str, child: subprocess.Popen[bytes], log: Path) -> bool:
    assert child.poll() is None, log.read_text()
    try:
        return httpx.get(f"{url}/readyz", timeout=2).is_success
    except httpx.HTTPError:
        return False


def _stamp() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
