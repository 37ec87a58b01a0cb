"""How a served estate, simulated or recorded, is reached by the real clients."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from tools.estate import Connections, Endpoint, KubernetesAccess
from worlds.kubernetes.authority import authority


def connections_to(
    cluster: str,
    *,
    urls: Mapping[str, str],
    tokens: Mapping[str, str],
    folder: Path,
    status_pages: Mapping[str, str] | None = None,
    budget_seconds: float = 120.0,
) -> Connections:
    """Connections to the sources that have a URL, read and write identities apart where there are tokens for them.

    Kubeconfigs are written into `folder`. `status_pages` are those of providers, by host. `budget_seconds` is the
    time-out of one call: a busy machine is no outage.
    """
    reach = _Reach(urls=urls, tokens=tokens, seconds=budget_seconds)
    return Connections(
        name=cluster,
        kubernetes=reach.kubernetes("reader", folder=folder),
        kubernetes_write=reach.kubernetes("executor", folder=folder),
        prometheus=reach.endpoint("prometheus"),
        alertmanager=reach.endpoint("alertmanager"),
        loki=reach.endpoint("loki"),
        traces=reach.endpoint("traces"),
        argocd=reach.endpoint("argocd", "argocd"),
        argocd_write=reach.endpoint("argocd", "argocd-write"),
        github=reach.endpoint("github", "github"),
        github_write=reach.endpoint("github", "github-write"),
        opencost=reach.endpoint("opencost"),
        flags=reach.endpoint("flags", "flags"),
        status_pages={
            host: Endpoint(url=url, timeout_seconds=budget_seconds) for host, url in (status_pages or {}).items()
        },
    )


class _Reach:
    def __init__(self, *, urls: Mapping[str, str], tokens: Mapping[str, str], seconds: float) -> None:
        self.urls, self.tokens, self.seconds = urls, tokens, seconds

    def endpoint(self, system: str, identity: str = "") -> Endpoint | None:
        """None for what is not served, or not for this identity."""
        if system not in self.urls or (identity and identity not in self.tokens):
            return None
        token = SecretStr(self.tokens[identity]) if identity else None
        return Endpoint(url=self.urls[system], token=token, timeout_seconds=self.seconds)

    def kubernetes(self, identity: str, *, folder: Path) -> KubernetesAccess | None:
        """None for what is not served, or not for this identity."""
        if "kubernetes" not in self.urls or identity not in self.tokens:
            return None
        path = folder / f"{identity}.kubeconfig"
        cluster = {"server": self.urls["kubernetes"], "certificate-authority-data": authority()}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "world", "cluster": cluster}],
            "users": [{"name": identity, "user": {"token": self.tokens[identity]}}],
            "contexts": [{"name": "world", "context": {"cluster": "world", "user": identity}}],
            "current-context": "world",
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return KubernetesAccess(kubeconfig=str(path), timeout_seconds=self.seconds)
