"""A Kubernetes cluster that tests may use, known by its kubeconfig: one of our own or somebody else's.

What is here works on both. What needs our own processes (audit log, fake nodes) is in `controlplane.py`.
"""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.config import new_client_from_config_dict

from tests.cluster.eventually import eventually

_CALL_SECONDS = 30
_TOKEN_SECONDS = 3600


class Cluster:
    """A cluster with administrator rights."""

    def __init__(self, kubeconfig_path: Path) -> None:
        """Point at a kubeconfig file; nothing is read or contacted yet."""
        self.kubeconfig_path = kubeconfig_path
        self._discovered: dict[str, list[dict[str, Any]]] = {}

    @property
    def owned(self) -> bool:
        """Whether this is our own control plane, with fake nodes and an audit log."""
        return False

    @functools.cached_property
    def kubeconfig(self) -> Mapping[str, Any]:
        """The administrator's kubeconfig."""
        loaded: Mapping[str, Any] = yaml.safe_load(self.kubeconfig_path.read_text())
        return loaded

    @functools.cached_property
    def api(self) -> client.ApiClient:
        """The administrator's client (synchronous, to arrange and to check; the product brings its own)."""
        return _client(self.kubeconfig)

    # `Any`: the generated models call every field optional, also those that the API server always fills.
    @property
    def core(self) -> Any:
        """The administrator's `CoreV1Api`."""
        return client.CoreV1Api(self.api)

    @property
    def apps(self) -> Any:
        """The administrator's `AppsV1Api`."""
        return client.AppsV1Api(self.api)

    @property
    def batch(self) -> Any:
        """The administrator's `BatchV1Api`."""
        return client.BatchV1Api(self.api)

    @property
    def policy(self) -> Any:
        """The administrator's `PolicyV1Api`."""
        return client.PolicyV1Api(self.api)

    def create(self, *manifests: Mapping[str, Any]) -> None:
        """Create objects of any kind that the cluster knows, in this order."""
        for manifest in manifests:
            self.request("POST", self.path_of(manifest), body=dict(manifest))

    def request(self, method: str, path: str, *, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send JSON to any address of the API as administrator; raises the client's `ApiException`."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        serialized = self.api.param_serialize(
            method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self.api.call_api(*serialized, _request_timeout=_CALL_SECONDS)
        answer.read()  # type: ignore[no-untyped-call] # generated without a type
        parsed: Any = self.api.response_deserialize(answer, {"2XX": "object"}).data
        return dict(parsed)

    def path_of(self, manifest: Mapping[str, Any]) -> str:
        """The collection's address for a manifest, from the cluster's own discovery."""
        version = manifest["apiVersion"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for resource in self._discover(base):
            if resource["kind"] == manifest["kind"] and "/" not in resource["name"]:
                inside = f"/namespaces/{manifest['metadata']['namespace']}" if resource["namespaced"] else ""
                return f"{base}{inside}/{resource['name']}"
        raise LookupError(f"the cluster does not know {manifest['kind']} in {version}")

    @contextlib.contextmanager
    def namespace(self, prefix: str) -> Iterator[str]:
        """A fresh namespace with its default service account; deleted (not waited for) at the end."""
        name = f"{prefix}-{uuid.uuid4().hex[:6]}"
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        try:
            # The controller manager makes it a moment later, and no pod is admitted without it.
            eventually(lambda: self._has_default_account(name), what=f"the default service account of {name}")
            yield name
        finally:
            self.core.delete_namespace(name, _request_timeout=_CALL_SECONDS)

    def service_account_token(self, namespace: str, name: str) -> str:
        """A token of this service account by TokenRequest, good for an hour."""
        request = {"spec": {"expirationSeconds": _TOKEN_SECONDS}}
        answer = self.core.create_namespaced_service_account_token(
            name, namespace, request, _request_timeout=_CALL_SECONDS
        )
        return str(answer.status.token)

    def service_account_kubeconfig(self, namespace: str, name: str, *, path: Path) -> Path:
        """Write a kubeconfig for this service account to `path`, for processes that take one."""
        kubeconfig = with_token(self.kubeconfig, token=self.service_account_token(namespace, name))
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(kubeconfig))
        return path

    def service_account_api(self, namespace: str, name: str) -> client.ApiClient:
        """A synchronous client that acts as this service account."""
        token = self.service_account_token(namespace, name)
        return _client(with_token(self.kubeconfig, token=token))

    def _has_default_account(self, namespace: str) -> bool:
        accounts = self.core.list_namespaced_service_account(namespace, _request_timeout=_CALL_SECONDS)
        return any(account.metadata.name == "default" for account in accounts.items)

    def _discover(self, base: str) -> list[dict[str, Any]]:
        if base not in self._discovered:
            self._discovered[base] = self.request("GET", base)["resources"]
        return self._discovered[base]


def _client(kubeconfig: Mapping[str, Any]) -> client.ApiClient:
    made: client.ApiClient = new_client_from_config_dict(dict(kubeconfig))  # type: ignore[no-untyped-call] # as above
    return made


def with_token(kubeconfig: Mapping[str, Any], *, token: str) -> dict[str, Any]:
    """The same cluster as the kubeconfig's current context, with this token as the only identity."""
    current = kubeconfig["current-context"]
    context = next(c["context"] for c in kubeconfig["contexts"] if c["name"] == current)
    cluster = next(c["cluster"] for c in kubeconfig["clusters"] if c["name"] == context["cluster"])
    return single_context(cluster=cluster, user={"token": token})


def single_context(*, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": dict(cluster)}],
        "users": [{"name": "test", "user": dict(user)}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
