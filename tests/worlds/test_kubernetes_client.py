"""The unmodified kubernetes.aio client against a world."""

import asyncio

import httpx
import pytest
from kubernetes.aio import client as kubernetes
from kubernetes.aio import config, watch
from kubernetes.aio.client.exceptions import ApiException

from worlds.server import World

JSON_PATCH = "application/json-patch+json"
SHOP = "shop"


async def test_it_lists_pods_with_typed_models(reader: kubernetes.ApiClient) -> None:
    pods = (await kubernetes.CoreV1Api(reader).list_namespaced_pod(SHOP)).items
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


async def test_it_pages_through_a_list(reader: kubernetes.ApiClient) -> None:
    core = kubernetes.CoreV1Api(reader)
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
async def test_selectors_choose(reader: kubernetes.ApiClient, selectors: dict[str, str], expected: int) -> None:
    pods = await kubernetes.CoreV1Api(reader).list_namespaced_pod(SHOP, **selectors)
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
async def test_every_kind_deserialises(reader: kubernetes.ApiClient, call: object) -> None:
    assert (await call(reader)).items  # type: ignore[operator]


async def test_events_are_served_in_both_groups(world: World, http: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {world.tokens['reader']}"}
    core = (await http.get(f"{world.urls['kubernetes']}/api/v1/events", headers=headers)).json()["items"]
    new = (await http.get(f"{world.urls['kubernetes']}/apis/events.k8s.io/v1/events", headers=headers)).json()["items"]
    assert [(e["involvedObject"], e["message"], e["count"]) for e in core] == [
        (e["regarding"], e["note"], e["deprecatedCount"]) for e in new
    ]


async def test_a_watch_sees_the_rollback_happen(
    world: World, reader: kubernetes.ApiClient, executor: kubernetes.ApiClient
) -> None:
    core, apps = kubernetes.CoreV1Api(reader), kubernetes.AppsV1Api(executor)
    seen: list[tuple[str, str]] = []
    started = asyncio.Event()
    first = (await core.list_namespaced_pod(SHOP)).metadata.resource_version

    async def follow() -> None:
        async with watch.Watch().stream(
            core.list_namespaced_pod, SHOP, resource_version=first, timeout_seconds=20
        ) as stream:
            started.set()
            async for event in stream:
                seen.append((event["type"], event["object"].metadata.name))
                if event["type"] == "DELETED":
                    return

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        await started.wait()
        await apps.patch_namespaced_deployment_scale("cart", SHOP, {"spec": {"replicas": 2}})
        await world.advance(30)
    assert any(kind == "MODIFIED" for kind, _ in seen)
    assert seen[-1][1].startswith("cart-")


async def test_a_watch_from_a_forgotten_version_ends_with_410(world: World, reader: kubernetes.ApiClient) -> None:
    core = kubernetes.CoreV1Api(reader)
    with pytest.raises(ApiException) as refusal:
        async with watch.Watch().stream(
            core.list_namespaced_pod, SHOP, resource_version="17", timeout_seconds=5
        ) as stream:
            async for _ in stream:
                pass
    assert refusal.value.status == 410


async def test_logs_of_the_present_and_the_previous_process(reader: kubernetes.ApiClient) -> None:
    core = kubernetes.CoreV1Api(reader)
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


async def test_a_dry_run_answers_with_the_result_and_changes_nothing(executor: kubernetes.ApiClient) -> None:
    apps = kubernetes.AppsV1Api(executor)
    before = await apps.read_namespaced_deployment("checkout", SHOP)
    body = {
        "spec": {
            "template": {"spec": {"containers": [{"name": "checkout", "resources": {"limits": {"memory": "512Mi"}}}]}}
        }
    }
    answer = await apps.patch_namespaced_deployment("checkout", SHOP, body, dry_run="All", field_manager="midwatch")
    assert answer.spec.template.spec.containers[0].resources.limits["memory"] == "512Mi"
    assert answer.metadata.generation == before.metadata.generation + 1
    assert answer.spec.template.spec.containers[0].image == before.spec.template.spec.containers[0].image
    after = await apps.read_namespaced_deployment("checkout", SHOP)
    assert after.to_dict() == before.to_dict()


async def test_a_change_names_its_manager(executor: kubernetes.ApiClient) -> None:
    apps = kubernetes.AppsV1Api(executor)
    answer = await apps.patch_namespaced_deployment_scale(
        "cart", SHOP, {"spec": {"replicas": 4}}, field_manager="midwatch"
    )
    assert answer.spec.replicas == 4
    managers = {m.manager for m in (await apps.read_namespaced_deployment("cart", SHOP)).metadata.managed_fields}
    assert {"midwatch", "argocd-controller"} <= managers


class TestConflicts:
    async def test_a_merge_patch_with_an_old_version_is_refused(self, executor: kubernetes.ApiClient) -> None:
        apps = kubernetes.AppsV1Api(executor)
        with pytest.raises(ApiException) as refusal:
            await apps.patch_namespaced_deployment(
                "checkout", SHOP, {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}}
            )
        assert refusal.value.status == 409
        assert "object has been modified" in refusal.value.body

    async def test_a_json_patch_whose_test_fails_is_refused(self, executor: kubernetes.ApiClient) -> None:
        apps = kubernetes.AppsV1Api(executor)
        patch = [
            {"op": "test", "path": "/spec/replicas", "value": 5},
            {"op": "replace", "path": "/spec/replicas", "value": 9},
        ]
        with pytest.raises(ApiException) as refusal:
            await apps.patch_namespaced_deployment("checkout", SHOP, patch, _content_type=JSON_PATCH)
        assert refusal.value.status == 422
        assert (await apps.read_namespaced_deployment("checkout", SHOP)).spec.replicas == 6

    async def test_a_put_with_an_old_version_is_refused(self, executor: kubernetes.ApiClient) -> None:
        apps = kubernetes.AppsV1Api(executor)
        live = await apps.read_namespaced_deployment("cart", SHOP)
        await apps.patch_namespaced_deployment_scale("cart", SHOP, {"spec": {"replicas": 4}})
        live.spec.replicas = 1
        with pytest.raises(ApiException) as refusal:
            await apps.replace_namespaced_deployment("cart", SHOP, live)
        assert refusal.value.status == 409

    async def test_a_delete_for_another_uid_is_refused(self, executor: kubernetes.ApiClient) -> None:
        core = kubernetes.CoreV1Api(executor)
        name = (await core.list_namespaced_pod(SHOP)).items[0].metadata.name
        options = kubernetes.V1DeleteOptions(preconditions=kubernetes.V1Preconditions(uid="another"))
        with pytest.raises(ApiException) as refusal:
            await core.delete_namespaced_pod(name, SHOP, body=options)
        assert refusal.value.status == 409

    async def test_an_impossible_value_is_refused_by_field(self, executor: kubernetes.ApiClient) -> None:
        container = {"name": "cart", "resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}
        body = {"spec": {"template": {"spec": {"containers": [container]}}}}
        with pytest.raises(ApiException) as refusal:
            await kubernetes.AppsV1Api(executor).patch_namespaced_deployment("cart", SHOP, body)
        assert refusal.value.status == 422
        assert "spec.template.spec.containers[0].resources.requests" in refusal.value.body


class TestAccess:
    async def test_the_reader_may_not_write(self, reader: kubernetes.ApiClient) -> None:
        with pytest.raises(ApiException) as refusal:
            await kubernetes.AppsV1Api(reader).patch_namespaced_deployment("cart", SHOP, {"spec": {"replicas": 0}})
        assert refusal.value.status == 403
        assert 'cannot patch resource \\"deployments\\" in API group \\"apps\\"' in refusal.value.body

    @pytest.mark.parametrize("identity", ["reader", "executor"])
    async def test_nobody_may_read_secrets(
        self, identity: str, reader: kubernetes.ApiClient, executor: kubernetes.ApiClient
    ) -> None:
        client = {"reader": reader, "executor": executor}[identity]
        with pytest.raises(ApiException) as refusal:
            await kubernetes.CoreV1Api(client).list_namespaced_secret(SHOP)
        assert refusal.value.status == 403

    async def test_an_unknown_token_is_unauthorised(self, world: World) -> None:
        configuration = kubernetes.Configuration(host=world.urls["kubernetes"])
        async with kubernetes.ApiClient(configuration) as anonymous:
            with pytest.raises(ApiException) as refusal:
                await kubernetes.CoreV1Api(anonymous).list_node()
        assert refusal.value.status == 401

    async def test_access_reviews_tell_what_is_allowed(
        self, reader: kubernetes.ApiClient, executor: kubernetes.ApiClient
    ) -> None:
        attributes = kubernetes.V1ResourceAttributes(group="apps", resource="deployments", verb="patch", namespace=SHOP)
        body = kubernetes.V1SelfSubjectAccessReview(
            spec=kubernetes.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
        )
        answers = [
            (await kubernetes.AuthorizationV1Api(client).create_self_subject_access_review(body)).status.allowed
            for client in (reader, executor)
        ]
        assert answers == [False, True]

    async def test_a_kubeconfig_is_enough(self, world: World) -> None:
        client = await config.new_client_from_config_dict(world.kubeconfig("reader"))
        async with client:
            version = await kubernetes.VersionApi(client).get_code()
            assert version.git_version == "v1.33.4"
            assert (await kubernetes.CoreV1Api(client).list_node()).items


async def test_a_budget_refuses_an_eviction_with_429(executor: kubernetes.ApiClient) -> None:
    core = kubernetes.CoreV1Api(executor)
    pods = (await core.list_namespaced_pod(SHOP, label_selector="app.kubernetes.io/name=checkout")).items
    ready = next(pod for pod in pods if pod.status.container_statuses[0].ready)
    body = kubernetes.V1Eviction(metadata=kubernetes.V1ObjectMeta(name=ready.metadata.name, namespace=SHOP))
    with pytest.raises(ApiException) as refusal:
        await core.create_namespaced_pod_eviction(ready.metadata.name, SHOP, body)
    assert refusal.value.status == 429
    assert "disruption budget" in refusal.value.body


async def test_discovery_lists_groups_and_resources(reader: kubernetes.ApiClient) -> None:
    groups = {group.name for group in (await kubernetes.ApisApi(reader).get_api_versions()).groups}
    assert {"apps", "batch", "autoscaling", "policy"} <= groups
    names = {resource.name for resource in (await kubernetes.AppsV1Api(reader).get_api_resources()).resources}
    assert {"deployments", "deployments/scale", "replicasets"} <= names
