"""What a scenario hides cannot be seen, and says so."""

from pathlib import Path

import httpx

from tests.worlds.conftest import Serving

BLIND = """
title: Half blind
estate:
  workloads: [{name: web, traffic: {rps: 10}}, {name: dark, traffic: {rps: 10}}]
history: 10m
visibility:
  unavailable: [opencost, argocd]
  forbidden: [github]
  forbidden_resources: [pods/log, nodes]
  missing_metrics: [container_, kube_pod_status]
  without_logs: [default/dark]
truth: {healthy: true}
"""


async def test_hidden_things_are_hidden(serving: Serving, http: httpx.AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "blind.yaml"
    path.write_text(BLIND)
    world = await serving(path)
    reading = {"Authorization": f"Bearer {world.tokens['reader']}"}

    async def status(source: str, way: str) -> int:
        return (await http.get(f"{world.urls[source]}/{way}", headers=reading)).status_code

    assert await status("opencost", "allocation/compute") == 503
    assert await status("argocd", "api/v1/applications") == 503
    assert await status("github", "user") == 403
    assert await status("kubernetes", "api/v1/nodes") == 403
    assert await status("kubernetes", "api/v1/pods") == 200
    pods = (await http.get(f"{world.urls['kubernetes']}/api/v1/pods", headers=reading)).json()["items"]
    name = pods[0]["metadata"]["name"]
    assert await status("kubernetes", f"api/v1/namespaces/default/pods/{name}/log") == 403

    async def series(query: str) -> int:
        answer = await http.get(f"{world.urls['prometheus']}/api/v1/query", params={"query": query})
        return len(answer.json()["data"]["result"])

    assert await series("container_memory_working_set_bytes") == 0
    assert await series("kube_pod_status_phase") == 0
    assert await series("kube_pod_info") == 4
    now = world.estate.now().timestamp()
    window = {"query": '{namespace="default"}', "start": str(int((now - 300) * 1e9)), "end": str(int(now * 1e9))}
    logs = (await http.get(f"{world.urls['loki']}/loki/api/v1/query_range", params=window)).json()
    assert {stream["stream"]["app"] for stream in logs["data"]["result"]} == {"web"}
