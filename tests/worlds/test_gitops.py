"""Argo CD and GitHub of a world: sync status, rollback, manual changes, and who may do what."""

import httpx
import pytest
from kubernetes.aio import client as kubernetes

from tests.worlds.conftest import SCENARIOS, Serving, api_client
from worlds.cluster.podmaking import POD
from worlds.server import World

STUCK = SCENARIOS / "images" / "catalog-tag-not-found.yaml"


@pytest.fixture
async def stuck(serving: Serving) -> World:
    """A world in which the last deploy of catalog, which is under Argo CD, cannot be pulled."""
    return await serving(STUCK)


def images(world: World) -> set[str]:
    deployment = world.estate.simulation.delivery.live_manifests("shop/catalog")["Deployment"]
    return {container["image"].rpartition(":")[2] for container in deployment["spec"]["template"]["spec"]["containers"]}


async def test_argo_cd_rolls_back_once_automated_sync_is_off(stuck: World, http: httpx.AsyncClient) -> None:
    url = f"{stuck.urls['argocd']}/api/v1/applications/catalog"
    write = {"Authorization": f"Bearer {stuck.tokens['argocd-write']}"}
    entry = (await http.get(url, headers=write)).json()["status"]["history"][-2]
    refused = await http.post(f"{url}/rollback", json={"id": entry["id"]}, headers=write)
    assert refused.status_code == 400
    assert "auto-sync is enabled" in refused.json()["message"]
    patch = {"patch": '{"spec":{"syncPolicy":{"automated":null}}}', "patchType": "merge"}
    assert (await http.patch(url, json=patch, headers=write)).status_code == 200
    answer = await http.post(f"{url}/rollback", json={"id": entry["id"]}, headers=write)
    assert answer.json()["status"]["sync"]["status"] == "OutOfSync"
    await stuck.advance(60)
    assert images(stuck) == {"5.4.0"}
    assert stuck.estate.active_faults() == []


async def test_a_merged_revert_is_synced(stuck: World, http: httpx.AsyncClient) -> None:
    base = f"{stuck.urls['github']}/repos/harbour/catalog"
    write = {"Authorization": f"Bearer {stuck.tokens['github-write']}"}
    bad, good = [c["sha"] for c in (await http.get(f"{base}/commits", headers=write)).json()[:2]]
    old = (await http.get(f"{base}/contents/deploy/deployment.yaml?ref={good}", headers=write)).json()
    blob = {"content": old["content"], "encoding": "base64"}
    sha = (await http.post(f"{base}/git/blobs", json=blob, headers=write)).json()["sha"]
    tree = {
        "base_tree": bad,
        "tree": [{"path": "deploy/deployment.yaml", "mode": "100644", "type": "blob", "sha": sha}],
    }
    made = (await http.post(f"{base}/git/trees", json=tree, headers=write)).json()["sha"]
    body = {"message": "Revert", "tree": made, "parents": [bad]}
    commit = (await http.post(f"{base}/git/commits", json=body, headers=write)).json()["sha"]
    await http.post(f"{base}/git/refs", json={"ref": "refs/heads/revert", "sha": commit}, headers=write)
    pull = (
        await http.post(f"{base}/pulls", json={"title": "Revert", "head": "revert", "base": "main"}, headers=write)
    ).json()
    compared = (await http.get(f"{base}/compare/main...revert", headers=write)).json()
    assert [file["filename"] for file in compared["files"]] == ["deploy/deployment.yaml"]
    assert images(stuck) == {"5.5.0-rc1"}
    await http.put(f"{base}/pulls/{pull['number']}/merge", json={}, headers=write)
    await stuck.advance(120)
    assert images(stuck) == {"5.4.0"}
    url = f"{stuck.urls['argocd']}/api/v1/applications/catalog"
    status = (await http.get(url, headers={"Authorization": f"Bearer {stuck.tokens['argocd']}"})).json()["status"]
    assert (status["sync"]["status"], status["health"]["status"]) == ("Synced", "Healthy")


async def test_a_change_by_hand_shows_as_out_of_sync(stuck: World, http: httpx.AsyncClient) -> None:
    url = f"{stuck.urls['argocd']}/api/v1/applications/cart"
    read = {"Authorization": f"Bearer {stuck.tokens['argocd']}"}
    assert (await http.get(url, headers=read)).json()["status"]["sync"]["status"] == "Synced"
    async with api_client(stuck, "executor") as executor:
        await kubernetes.AppsV1Api(executor).patch_namespaced_deployment_scale(
            "cart", "shop", {"spec": {"replicas": 5}}
        )
    assert (await http.get(url, headers=read)).json()["status"]["sync"]["status"] == "OutOfSync"
    await stuck.advance(300)
    resources = (await http.get(f"{url}/managed-resources", headers=read)).json()["items"]
    assert {item["kind"] for item in resources if item["modified"]} == {"Deployment"}


@pytest.mark.parametrize(
    ("source", "path", "body"),
    [
        pytest.param("github", "repos/harbour/cart/git/blobs", {"content": "x"}, id="GitHub"),
        pytest.param("argocd", "api/v1/applications/cart/sync", {}, id="Argo CD"),
    ],
)
async def test_a_reading_token_may_not_write(
    stuck: World, http: httpx.AsyncClient, source: str, path: str, body: dict[str, str]
) -> None:
    url = f"{stuck.urls[source]}/{path}"
    reading = {"Authorization": f"Bearer {stuck.tokens[source]}"}
    assert (await http.post(url, json=body)).status_code == 401
    assert (await http.post(url, json=body, headers=reading)).status_code == 403


async def test_opencost_adds_up_to_the_price_of_the_nodes(stuck: World, http: httpx.AsyncClient) -> None:
    url = f"{stuck.urls['opencost']}/allocation/compute"
    answer = (await http.get(url, params={"window": "1h", "aggregate": "namespace"})).json()["data"][0]
    assert sum(share["totalCost"] for share in answer.values()) == pytest.approx(5 * 0.147 + 2 * 0.262, rel=0.01)
    by_pod = (await http.get(url, params={"window": "1h", "aggregate": "controller"})).json()["data"][0]
    assert by_pod["checkout"]["cpuCoreRequestAverage"] == pytest.approx(6 * 0.2, rel=0.1)
    steps = (await http.get(url, params={"window": "2h", "aggregate": "namespace", "step": "1h"})).json()["data"]
    assert len(steps) == 2


async def test_argo_cd_synchronises_one_object_and_who_waited_for_it_starts(
    serving: Serving, http: httpx.AsyncClient
) -> None:
    world = await serving(SCENARIOS / "configuration" / "shipments-configmap-deleted.yaml")
    simulation, name = world.estate.simulation, "shipments-svc"
    waiting = [
        pod["metadata"]["uid"]
        for pod in simulation.cluster.store.every(POD, namespace="lgx-core")
        if pod["metadata"]["labels"].get("app.kubernetes.io/name") == name
        and any("waiting" in status["state"] for status in pod["status"].get("containerStatuses", []))
    ]
    assert waiting
    assert all(len(simulation.tape.pod(uid).ticks) == 0 for uid in waiting), "nothing ran yet"
    url = f"{world.urls['argocd']}/api/v1/applications/{name}"
    write = {"Authorization": f"Bearer {world.tokens['argocd-write']}"}
    before = (await http.get(url, headers=write)).json()["status"]["history"]
    one = {"group": "", "kind": "ConfigMap", "namespace": "lgx-core", "name": f"{name}-config"}
    answer = await http.post(f"{url}/sync", json={"resources": [one]}, headers=write)
    assert answer.status_code == 200
    assert answer.json()["status"]["history"] == before, "a sync of single objects is no entry of the history"
    await world.advance(120)
    assert world.estate.active_faults() == []
    assert all(len(simulation.tape.pod(uid).ticks) > 0 for uid in waiting)
