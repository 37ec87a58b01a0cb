"""The reference incident, closed-loop: what heals it, what does not, and what the webhook is told."""

import copy
from typing import Any

import httpx
import pytest
from kubernetes.aio import client as kubernetes

from worlds.cluster.podmaking import POD
from worlds.estate.flow import ServiceField
from worlds.server import World

SHOP, CHECKOUT = "shop", "shop/checkout"


def failing(world: World, *, ticks: int) -> float:
    """Share of checkout's requests that failed, as its callers see it, over the last ticks of 15 s."""
    return float(world.estate.simulation.tape.service(CHECKOUT).rows[-ticks:, ServiceField.FAILED].mean())


def firing(world: World) -> set[str]:
    now = world.estate.now()
    alerts = world.estate.alertmanager.alerts.values()
    return {alert.labels["alertname"] for alert in alerts if not alert.resolved_at(now)}


async def roll_back(executor: kubernetes.ApiClient, name: str) -> None:
    """Patch the template of the previous ReplicaSet back, as kubectl rollout undo does."""
    apps = kubernetes.AppsV1Api(executor)
    selector = f"app.kubernetes.io/name={name}"
    sets = executor.sanitize_for_serialization(
        (await apps.list_namespaced_replica_set(SHOP, label_selector=selector)).items
    )
    by_revision = sorted(sets, key=lambda rs: int(rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]))
    template = copy.deepcopy(by_revision[-2]["spec"]["template"])
    del template["metadata"]["labels"]["pod-template-hash"]
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    await apps.patch_namespaced_deployment(name, SHOP, patch, _content_type="application/json-patch+json")


async def restart(executor: kubernetes.ApiClient, name: str) -> None:
    annotation = {"kubectl.kubernetes.io/restartedAt": "2026-11-17T02:47:30Z"}
    body: dict[str, Any] = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    await kubernetes.AppsV1Api(executor).patch_namespaced_deployment(name, SHOP, body)


async def scale(executor: kubernetes.ApiClient, name: str, replicas: int) -> None:
    await kubernetes.AppsV1Api(executor).patch_namespaced_deployment_scale(name, SHOP, {"spec": {"replicas": replicas}})


def test_it_looks_like_the_story(world: World) -> None:
    assert world.estate.now().isoformat() == "2026-11-17T02:47:00+00:00"
    assert 0.05 < failing(world, ticks=20) < 0.09
    assert {"ServiceHighErrorRate", "KubePodCrashLooping", "Watchdog"} <= firing(world)
    assert world.estate.active_faults() == ["deploy"]


async def test_prometheus_says_of_each_target_where_it_is_and_why_it_cannot_be_scraped(
    world: World, http: httpx.AsyncClient
) -> None:
    pods = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in world.estate.simulation.cluster.store.every(POD)}
    answer = (await http.get(f"{world.urls['prometheus']}/api/v1/targets")).json()
    own = [one for one in answer["data"]["activeTargets"] if one["labels"].get("service") == "checkout"]
    assert len(own) == 6
    for one in own:
        instance = one["labels"]["instance"]
        assert instance == f"{pods[one['labels']['pod']]}:8080"
        assert one["scrapeUrl"] == f"http://{instance}/metrics"
    refused = {one["lastError"] for one in own if one["health"] == "down"}
    assert len(refused) == 2
    assert all("dial tcp 10." in one and one.endswith(":8080: connect: connection refused") for one in refused)


async def test_pods_are_ready_about_forty_seconds_after_a_rollback(
    world: World, executor: kubernetes.ApiClient
) -> None:
    await roll_back(executor, "checkout")
    await world.advance(30)
    assert world.estate.simulation.pod_counts()["ready"] < 40
    await world.advance(20)
    assert world.estate.simulation.pod_counts()["ready"] == 40


async def test_a_rollback_heals(world: World, executor: kubernetes.ApiClient) -> None:
    await roll_back(executor, "checkout")
    await world.advance(90)
    assert failing(world, ticks=2) < 0.005 + 0.001
    assert world.estate.active_faults() == []
    await world.advance(330)
    assert failing(world, ticks=20) < 0.0055
    assert firing(world) == {"Watchdog"}
    deployment = await kubernetes.AppsV1Api(executor).read_namespaced_deployment("checkout", SHOP)
    assert deployment.metadata.annotations["deployment.kubernetes.io/revision"] == "6"
    assert deployment.status.available_replicas == 6


async def test_raising_the_limit_heals(world: World, executor: kubernetes.ApiClient) -> None:
    container = {"name": "checkout", "resources": {"limits": {"memory": "512Mi"}}}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await kubernetes.AppsV1Api(executor).patch_namespaced_deployment("checkout", SHOP, body)
    await world.advance(900)
    assert failing(world, ticks=10) < 0.006
    assert world.estate.active_faults() == []


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(lambda api: restart(api, "checkout"), id="restarting checkout"),
        pytest.param(lambda api: scale(api, "checkout", 8), id="scaling checkout up"),
        pytest.param(lambda api: roll_back(api, "cart"), id="rolling cart back"),
    ],
)
async def test_other_actions_do_not_heal(world: World, executor: kubernetes.ApiClient, action: Any) -> None:
    await action(executor)
    await world.advance(600)
    assert world.estate.active_faults() == ["deploy"]
    assert firing(world) & {"KubePodCrashLooping", "KubeContainerOOMKilled"}
    assert world.estate.simulation.pod_counts()["ready"] < sum(world.estate.simulation.pod_counts().values()) / 2


async def test_scaling_down_hurts(world: World, executor: kubernetes.ApiClient) -> None:
    before = failing(world, ticks=4)
    await scale(executor, "checkout", 3)
    await world.advance(180)
    assert failing(world, ticks=4) > 2 * before


async def test_anybody_may_ask_for_the_rate_limit_but_not_with_a_token_that_is_none(
    world: World, http: httpx.AsyncClient
) -> None:
    async def status(headers: dict[str, str]) -> int:
        return (await http.get(f"{world.urls['github']}/rate_limit", headers=headers)).status_code

    assert await status({}) == 200
    assert await status({"Authorization": f"Bearer {world.tokens['github']}"}) == 200
    assert await status({"Authorization": "Bearer made-up"}) == 401


async def test_a_reverting_pull_request_heals(world: World, http: httpx.AsyncClient) -> None:
    base = f"{world.urls['github']}/repos/harbour/checkout"
    write = {"Authorization": f"Bearer {world.tokens['github-write']}"}
    bad, good = [c["sha"] for c in (await http.get(f"{base}/commits", headers=write)).json()[:2]]
    old = (await http.get(f"{base}/git/commits/{good}", headers=write)).json()["tree"]["sha"]
    body = {"message": "Revert Right-size checkout", "tree": old, "parents": [bad]}
    commit = (await http.post(f"{base}/git/commits", json=body, headers=write)).json()["sha"]
    reference = {"ref": "refs/heads/revert-right-size", "sha": commit}
    assert (await http.post(f"{base}/git/refs", json=reference, headers=write)).status_code == 201
    pull = {"title": "Revert Right-size checkout", "head": "revert-right-size", "base": "main"}
    number = (await http.post(f"{base}/pulls", json=pull, headers=write)).json()["number"]
    assert world.estate.active_faults() == ["deploy"]
    merged = (await http.put(f"{base}/pulls/{number}/merge", json={}, headers=write)).json()
    assert merged["merged"]
    await world.advance(300)
    assert world.estate.active_faults() == []
    assert failing(world, ticks=4) < 0.006
    runs = (await http.get(f"{base}/actions/runs", headers=write)).json()["workflow_runs"]
    assert (runs[0]["name"], runs[0]["conclusion"]) == ("deploy", "success")
