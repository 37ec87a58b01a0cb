"""What the graph itself costs: an investigation in which every probe answers at once that its system is not configured.

Rounds, checkpoints, case file, argument, timeline and ledger are real; only the outside world is missing.
"""

import json
import time

import httpx

from incidents.incident import SETTLED
from service.bench.figure import Figure, spread
from service.bench.server import TOKEN, serving

INCIDENTS = 12
PERSON = "bench-person-" + "0" * 20
GIVE_UP_SECONDS = 60.0


def measure() -> list[Figure]:
    """Investigate one incident after the other; wall-clock time and CPU of the process for each."""
    extra = {
        "MIDWATCH_CLUSTERS": json.dumps([{"name": "bench"}]),
        "MIDWATCH_PEOPLE": json.dumps([{"name": "bench", "token": PERSON, "roles": ["viewer"]}]),
    }
    with serving(("web", "worker"), extra=extra) as served, httpx.Client(base_url=served.url, timeout=30) as client:
        _investigate(client, 0)
        cpu = served.cpu_seconds()
        walls = [_investigate(client, number) for number in range(1, INCIDENTS + 1)]
        each = (served.cpu_seconds() - cpu) / INCIDENTS
    return [
        *spread("graph without probe time, alert to verdict", walls, "s"),
        Figure(name="graph without probe time: CPU", value=each * 1000, unit="ms/investigation"),
    ]


def _investigate(client: httpx.Client, number: int) -> float:
    started = time.perf_counter()
    headers = {"authorization": f"Bearer {TOKEN}"}
    client.post("/api/v1/alerts/alertmanager", json=_body(number), headers=headers).raise_for_status()
    while time.perf_counter() - started < GIVE_UP_SECONDS:
        answer = client.get("/api/v1/incidents", headers={"authorization": f"Bearer {PERSON}"})
        answer.raise_for_status()
        phases = {item["title"]: item["phase"] for item in answer.json()["incidents"]}
        if any(f"service-{number}" in title and phase in SETTLED for title, phase in phases.items()):
            return time.perf_counter() - started
        time.sleep(0.01)
    raise TimeoutError(f"the investigation of service-{number} did not end within {GIVE_UP_SECONDS:.0f} s")


def _body(number: int) -> dict[str, object]:
    labels = {
        "alertname": "KubeDeploymentReplicasMismatch",
        "namespace": f"team-{number}",
        "deployment": f"service-{number}",
        "severity": "critical",
    }
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"service-{number} has fewer replicas than wanted"},
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{number:016x}",
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{n="{number}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "midwatch",
        "groupLabels": {},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": [alert],
    }
