"""The unmodified kubernetes.aio client reads a world."""

import httpx
import pytest
from kubernetes.aio import client as kubernetes
from kubernetes.aio import watch
from kubernetes.aio.client.exceptions import ApiException

from worlds.server import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHOP = "shop"


async def test_it_lists_pods_with_typed_models(still_reader: kubernetes.ApiClient) -> None:
    pods = (await kubernetes.CoreV1Api(still_reader).list_namespaced_pod(SHOP)).items
    waiting = [
        s.state.waiting.reason
        for pod in pods
        for s in pod.status.container_statuses or []
        if s.state.waiting is not None
    ]
    assert waiting == ["CrashLoopBackOff", "CrashLoopBackOff"]
    crashed = next(pod for pod in pods if pod.status.container_statuses[0].restart_count)
    last = crashed.status.container_statuses[0].last_state.terminated
    assert (last.reason, last.exit_code) == ("OOMKilled", 137)


async def test_it_pages_through_a_list(still_reader: kubernetes.ApiClient) -> None:
    core = kubernetes.CoreV1Api(still_reader)
    whole = {pod.metadata.name for pod in (await core.list_pod_for_all_namespaces()).items}
    names: list[str] = []
    token = None
    while True:
        page = await core.list_pod_for_all_namespaces(limit=7, _continue=token)
        assert len(page.items) <= 7
        names += [pod.metadata.name for pod in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert len(names) == len(set(names))
    assert set(names) == whole


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        pytest.param({"label_selector": "app.kubernetes.io/name=checkout"}, 6, id="a label"),
        pytest.param({"label_selector": "app.kubernetes.io/name in (checkout,cart)"}, 9, id="a set of values"),
        pytest.param({"label_selector": "app.kubernetes.io/name=checkout,!missing"}, 6, id="an absent label"),
        pytest.param({"field_selector": "status.phase=Running", "label_selector": "team=storefront"}, 7, id="a field"),
        pytest.param({"field_selector": "metadata.name=nobody"}, 0, id="a name that nobody has"),
    ],
)
async def test_selectors_choose(still_reader: kubernetes.ApiClient, selectors: dict[str, str], expected: int) -> None:
    pods = await kubernetes.CoreV1Api(still_reader).list_namespaced_pod(SHOP, **selectors)
    assert len(pods.items) == expected


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda api: kubernetes.AppsV1Api(api).list_deployment_for_all_namespaces(), id="deployments"),
        pytest.param(lambda api: kubernetes.AppsV1Api(api).list_replica_set_for_all_namespaces(), id="replica sets"),
        pytest.param(lambda api: kubernetes.AppsV1Api(api).list_stateful_set_for_all_namespaces(), id="stateful sets"),
        pytest.param(lambda api: kubernetes.CoreV1Api(api).list_node(), id="nodes"),
        pytest.param(lambda api: kubernetes.CoreV1Api(api).list_service_for_all_namespaces(), id="services"),
        pytest.param(lambda api: kubernetes.CoreV1Api(api).list_event_for_all_namespaces(), id="events"),
        pytest.param(lambda api: kubernetes.CoreV1Api(api).list_config_map_for_all_namespaces(), id="config maps"),
        pytest.param(lambda api: kubernetes.CoreV1Api(api).list_resource_quota_for_all_namespaces(), id="quotas"),
        pytest.param(
            lambda api: kubernetes.CoreV1Api(api).list_persistent_volume_claim_for_all_namespaces(), id="claims"
        ),
        pytest.param(lambda api: kubernetes.CoreV1Api(api).list_persistent_volume(), id="volumes"),
        pytest.param(
            lambda api: kubernetes.DiscoveryV1Api(api).list_endpoint_slice_for_all_namespaces(), id="endpoint slices"
        ),
        pytest.param(
            lambda api: kubernetes.AutoscalingV2Api(api).list_horizontal_pod_autoscaler_for_all_namespaces(),
            id="autoscalers",
        ),
        pytest.param(
            lambda api: kubernetes.PolicyV1Api(api).list_pod_disruption_budget_for_all_namespaces(), id="budgets"
        ),
        pytest.param(lambda api: kubernetes.NetworkingV1Api(api).list_ingress_for_all_namespaces(), id="ingresses"),
        pytest.param(lambda api: kubernetes.StorageV1Api(api).list_storage_class(), id="storage classes"),
    ],
)
async def test_every_kind_deserialises(still_reader: kubernetes.ApiClient, call: object) -> None:
    assert (await call(still_reader)).items  # type: ignore[operator]


async def test_events_are_served_in_both_groups(still_world: World) -> None:
    headers = {"Authorization": f"Bearer {still_world.tokens['reader']}"}
    base = still_world.urls["kubernetes"]
    async with httpx.AsyncClient(timeout=60, headers=headers) as http:
        core = (await http.get(f"{base}/api/v1/events")).json()["items"]
        new = (await http.get(f"{base}/apis/events.k8s.io/v1/events")).json()["items"]
    assert [(e["involvedObject"], e["message"], e["count"]) for e in core] == [
        (e["regarding"], e["note"], e["deprecatedCount"]) for e in new
    ]


async def test_a_watch_from_a_forgotten_version_ends_with_410(still_reader: kubernetes.ApiClient) -> None:
    core = kubernetes.CoreV1Api(still_reader)
    async with watch.Watch().stream(
        core.list_namespaced_pod, SHOP, resource_version="17", timeout_seconds=60
    ) as stream:
        with pytest.raises(ApiException) as refusal:
            await anext(aiter(stream))
    assert refusal.value.status == 410


async def test_logs_of_the_present_and_the_previous_process(still_reader: kubernetes.ApiClient) -> None:
    core = kubernetes.CoreV1Api(still_reader)
    pods = (await core.list_namespaced_pod(SHOP, label_selector="app.kubernetes.io/name=checkout")).items
    crashed = next(pod for pod in pods if pod.status.container_statuses[0].restart_count)
    previous = await core.read_namespaced_pod_log(crashed.metadata.name, SHOP, previous=True, timestamps=True)
    assert "Starting checkout" in previous
    tail = await core.read_namespaced_pod_log(crashed.metadata.name, SHOP, previous=True, tail_lines=2)
    assert len(tail.splitlines()) == 2
    well = next(pod for pod in pods if not pod.status.container_statuses[0].restart_count)
    with pytest.raises(ApiException) as refusal:
        await core.read_namespaced_pod_log(well.metadata.name, SHOP, previous=True)
    assert refusal.value.status == 400


async def test_discovery_lists_groups_and_resources(still_reader: kubernetes.ApiClient) -> None:
    groups = {group.name for group in (await kubernetes.ApisApi(still_reader).get_api_versions()).groups}
    assert {"apps", "batch", "autoscaling", "policy"} <= groups
    names = {resource.name for resource in (await kubernetes.AppsV1Api(still_reader).get_api_resources()).resources}
    assert {"deployments", "deployments/scale", "replicasets"} <= names
