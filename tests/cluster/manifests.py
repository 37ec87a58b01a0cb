"""Objects that cluster tests create, as the JSON that the API takes. What a fake node does with them: `kubelet/behaviour.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.cluster.kubelet.behaviour import PREFIX

Manifest = dict[str, Any]


def pod_template(
    name: str, *, image: str, memory: str | None = None, told: Mapping[str, str] | None = None, **spec: Any
) -> Manifest:
    """A pod's template with one container `app`; `told` are annotations of the fake node without their prefix."""
    container: Manifest = {"name": "app", "image": image}
    if memory is not None:
        container["resources"] = {"limits": {"memory": memory}, "requests": {"memory": memory, "cpu": "100m"}}
    annotations = {PREFIX + key: value for key, value in (told or {}).items()}
    return {
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 5, **spec},
    }


def deployment(name: str, *, namespace: str, template: Manifest, replicas: int = 1) -> Manifest:
    """A Deployment of this template."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def job(name: str, *, namespace: str, template: Manifest, retries: int = 0) -> Manifest:
    """A Job of this template (which needs `restartPolicy`)."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": template, "backoffLimit": retries},
    }


def disruption_budget(name: str, *, namespace: str, min_available: int) -> Manifest:
    """A PodDisruptionBudget for the pods of the deployment of the same name."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"minAvailable": min_available, "selector": {"matchLabels": {"app": name}}},
    }


def service_account(name: str, *, namespace: str, rules: Sequence[Mapping[str, Sequence[str]]]) -> list[Manifest]:
    """A service account that may do exactly this in its namespace: the account, a Role and a RoleBinding."""
    meta = {"name": name, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": list(rules)},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        },
    ]
