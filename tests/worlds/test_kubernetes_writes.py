"""The unmodified kubernetes.aio client changes a world: dry runs, conflicts, permissions, watches."""

import asyncio

import pytest
from kubernetes.aio import client as kubernetes
from kubernetes.aio import config, watch
from kubernetes.aio.client.exceptions import ApiException

from worlds.server import World

JSON_PATCH = "application/json-patch+json"
SHOP = "shop"


async def test_a_watch_sees_the_rollback_happen(
    world: World, reader: kubernetes.ApiClient, executor: kubernetes.ApiClient
) -> None:
    core, apps = kubernetes.CoreV1Api(reader), kubernetes.AppsV1Api(executor)
    seen: list[tuple[str, str]] = []
    started = asyncio.Event()
    first = (await core.list_namespaced_pod(SHOP)).metadata.resource_version

    async def follow() -> None:
        async with watch.Watch().stream(
            core.list_namespaced_pod, SHOP, resource_version=first, timeout_seconds=60
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


async def test_fewer_replicas_end_the_youngest_and_leave_the_others_alone(
    executor: kubernetes.ApiClient, world: World
) -> None:
    apps, core = kubernetes.AppsV1Api(executor), kubernetes.CoreV1Api(executor)

    async def pods() -> set[str]:
        found = await core.list_namespaced_pod(SHOP)
        return {pod.metadata.name for pod in found.items if pod.metadata.name.startswith("cart-")}

    before = await pods()
    wanted = len(before)
    await apps.patch_namespaced_deployment_scale("cart", SHOP, {"spec": {"replicas": wanted + 2}})
    await world.advance(60)
    assert len(await pods()) == wanted + 2
    await apps.patch_namespaced_deployment_scale("cart", SHOP, {"spec": {"replicas": wanted}})
    await world.advance(120)
    assert await pods() == before


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
