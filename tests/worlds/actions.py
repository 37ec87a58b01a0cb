"""What people do to an estate, through its APIs: the same calls that the product's executor makes."""

import copy
from typing import Any

from kubernetes.aio import client as kubernetes

JSON_PATCH = "application/json-patch+json"


async def roll_back(api: kubernetes.ApiClient, key: str) -> None:
    """Patch the template of the previous ReplicaSet back, as kubectl rollout undo does."""
    namespace, name = key.split("/")
    apps = kubernetes.AppsV1Api(api)
    found = await apps.list_namespaced_replica_set(namespace, label_selector=f"app.kubernetes.io/name={name}")
    sets = api.sanitize_for_serialization(found.items)
    revision = "deployment.kubernetes.io/revision"
    by_revision = sorted(sets, key=lambda rs: int(rs["metadata"]["annotations"][revision]))
    template = copy.deepcopy(by_revision[-2]["spec"]["template"])
    del template["metadata"]["labels"]["pod-template-hash"]
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    await apps.patch_namespaced_deployment(name, namespace, patch, _content_type=JSON_PATCH)


async def restart(api: kubernetes.ApiClient, key: str, *, kind: str = "deployment") -> None:
    """Do kubectl rollout restart."""
    namespace, name = key.split("/")
    annotation = {"kubectl.kubernetes.io/restartedAt": "2026-11-17T02:47:30Z"}
    body: dict[str, Any] = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
    patch = getattr(kubernetes.AppsV1Api(api), f"patch_namespaced_{kind}")
    await patch(name, namespace, body)


async def scale(api: kubernetes.ApiClient, key: str, replicas: int) -> None:
    """Do kubectl scale."""
    namespace, name = key.split("/")
    body = {"spec": {"replicas": replicas}}
    await kubernetes.AppsV1Api(api).patch_namespaced_deployment_scale(name, namespace, body)


async def set_container(api: kubernetes.ApiClient, key: str, **fields: Any) -> None:
    """Change fields of the first container."""
    namespace, name = key.split("/")
    body = {"spec": {"template": {"spec": {"containers": [{"name": name, **fields}]}}}}
    await kubernetes.AppsV1Api(api).patch_namespaced_deployment(name, namespace, body)


async def set_config(api: kubernetes.ApiClient, key: str, data: dict[str, str]) -> None:
    """Write keys of a workload's ConfigMap."""
    namespace, name = key.split("/")
    await kubernetes.CoreV1Api(api).patch_namespaced_config_map(f"{name}-config", namespace, {"data": data})


async def set_service(api: kubernetes.ApiClient, key: str, spec: dict[str, Any]) -> None:
    """Change a Service."""
    namespace, name = key.split("/")
    await kubernetes.CoreV1Api(api).patch_namespaced_service(name, namespace, {"spec": spec})


async def cordon(api: kubernetes.ApiClient, node: str) -> None:
    """Do kubectl cordon."""
    await kubernetes.CoreV1Api(api).patch_node(node, {"spec": {"unschedulable": True}})
