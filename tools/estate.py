"""The connections of one cluster: what is configured, and the clients made from it. Read and write are different types.

Midwatch holds one `Cluster` (read clients) per configured cluster in every role, and one `WriteCluster` only in the
executor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, SecretStr, field_validator

from incidents.value import Value
from tools.address import AskedUrl, ShownUrl
from tools.clock import Clock
from tools.recent import Kept

if TYPE_CHECKING:
    from tools.alertmanager.client import AlertmanagerClient
    from tools.argocd.client import ArgoCDClient
    from tools.flags.client import FlagsClient
    from tools.github.client import GitHubClient
    from tools.kubernetes.client import KubernetesClient
    from tools.loki.client import LokiClient
    from tools.opencost.client import OpenCostClient
    from tools.probe import Observation
    from tools.prometheus.client import PrometheusClient
    from tools.statuspage.client import StatusPageClient
    from tools.traces.client import TracesClient


class Endpoint(Value):
    """Where a system is and how to enter it. Bearer token or basic authentication, at most one of them."""

    url: AskedUrl
    """Base URL, for example `http://prometheus.monitoring:9090`."""
    token: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    ca_file: str | None = None
    """PEM bundle; the system's trust store when not given."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=120)
    public_url: ShownUrl | None = None
    """Base for links that people open; `url` when not given."""

    @field_validator("url")
    @classmethod
    def _has_a_scheme(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            message = "write http://host:port or https://host"
            raise ValueError(message)
        return url


class KubernetesAccess(Value):
    """How to reach the API server: a kubeconfig (and context), or the pod's own service account."""

    kubeconfig: str | None = None
    """Path; None together with `in_cluster` False means this cluster has no Kubernetes access."""
    context: str | None = None
    in_cluster: bool = False
    timeout_seconds: float = Field(default=10.0, gt=0, le=120)
    console: ShownUrl = ""
    """Address of an object's page in the console that people use, with {namespace}, {kind} (`deployment`), {kinds}
    (`deployments`) and {name}. Evidence from Kubernetes has no link without it."""

    @field_validator("console", mode="before")
    @classmethod
    def _is_a_template(cls, text: object) -> object:
        if not isinstance(text, str) or not text:
            return text
        try:
            named = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
        except ValueError:
            named = {text}
        known = {"namespace", "kind", "kinds", "name"}
        if not text.startswith(("http://", "https://")) or not named <= known or "name" not in named:
            message = (
                "write https://console/.../{namespace}/{kinds}/{name}; {kind} is `deployment`, {kinds} `deployments`"
            )
            raise ValueError(message)
        return text


WRITE = ("kubernetes_write", "argocd_write", "github_write")
"""Fields that hold write credentials. Only a process with the executor role keeps them."""


class Connections(Value):
    """What is configured for one cluster. A system that is None is not asked; agents say that it could not be seen."""

    name: str
    """First part of every entity id of this cluster: no slash in it."""
    kubernetes: KubernetesAccess | None = None
    kubernetes_write: KubernetesAccess | None = None
    """Credentials of the executor; other roles are started without them."""
    prometheus: Endpoint | None = None
    alertmanager: Endpoint | None = None
    loki: Endpoint | None = None
    traces: Endpoint | None = None
    """A trace store with the API of Grafana Tempo, for example `http://tempo.monitoring:3200`."""
    argocd: Endpoint | None = None
    argocd_write: Endpoint | None = None
    github: Endpoint | None = None
    """`https://api.github.com` or an Enterprise server's API."""
    github_write: Endpoint | None = None
    opencost: Endpoint | None = None
    flags: Endpoint | None = None
    """A flag service with the admin API of Unleash, and a token that may read its events."""
    status_pages: Mapping[str, Endpoint] = {}
    """Host of a provider outside -> its status page, where that serves the public API of Statuspage."""
    repositories: Mapping[str, str] = {}
    """Workload name pattern or Argo CD application -> `owner/name`, when it cannot be discovered."""
    scratch_namespace: str = Field(default="", pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$")
    """Where the executor tries changes on clones; empty: on none. Nothing else may live there."""
    namespaces: tuple[str, ...] = ()
    """Only these namespaces are read; empty means all."""
    node_usd_per_hour: Mapping[str, float] = {}
    """Instance type (or node name, or `*`) -> price, used when OpenCost is not there."""

    @field_validator("name")
    @classmethod
    def _can_begin_an_id(cls, name: str) -> str:
        if not name.strip() or "/" in name:
            message = "write the value of the alerts' label `cluster`; - for each / in it"
            raise ValueError(message)
        return name

    @property
    def writable(self) -> bool:
        """Whether it holds credentials that can change something."""
        return any(getattr(self, name) is not None for name in WRITE)

    @property
    def readable(self) -> Self:
        """The same without them."""
        return self.model_copy(update=dict.fromkeys(WRITE)) if self.writable else self


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Read clients of one cluster; None where nothing is configured."""

    name: str
    clock: Clock
    connections: Connections
    kubernetes: "KubernetesClient | None" = None
    kubernetes_together: "KubernetesClient | None" = None
    """The same for those who look around at the same time: what one has read, the others need not read again."""
    seen_lately: "Kept[Observation[Any]] | None" = None
    """What probes saw a moment ago, without secrets: for the same who ask the same question."""
    prometheus: "PrometheusClient | None" = None
    alertmanager: "AlertmanagerClient | None" = None
    loki: "LokiClient | None" = None
    traces: "TracesClient | None" = None
    argocd: "ArgoCDClient | None" = None
    github: "GitHubClient | None" = None
    opencost: "OpenCostClient | None" = None
    flags: "FlagsClient | None" = None
    status_pages: "Mapping[str, StatusPageClient]" = field(default_factory=dict)
    """By the host of the provider."""


@dataclass(frozen=True, kw_only=True)
class WriteCluster:
    """Write clients of one cluster. Made by the executor's process only."""

    name: str
    clock: Clock
    connections: Connections
    kubernetes: "KubernetesClient | None" = None
    alertmanager: "AlertmanagerClient | None" = None
    argocd: "ArgoCDClient | None" = None
    github: "GitHubClient | None" = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels and annotations that every change carries (`midwatch.dev/incident`), given by the executor."""
