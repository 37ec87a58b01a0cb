"""Makes the clients of one cluster from its connections, and closes them again. Read and write are made apart.

Only the executor's process calls `connect_write`, and only it is given the settings that hold write credentials.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tools.clock import Clock
from tools.estate import Cluster, Connections, Endpoint, KubernetesAccess, WriteCluster
from tools.probe import Observation
from tools.recent import Kept

if TYPE_CHECKING:
    from tools.alertmanager.client import AlertmanagerClient
    from tools.argocd.client import ArgoCDClient
    from tools.flags.client import FlagsClient
    from tools.github.client import GitHubClient
    from tools.kubernetes.client import KubernetesClient
    from tools.loki.client import LokiClient
    from tools.opencost.client import OpenCostClient
    from tools.prometheus.client import PrometheusClient
    from tools.statuspage.client import StatusPageClient
    from tools.traces.client import TracesClient


class _Closing(Protocol):
    async def aclose(self) -> None: ...


ClientT = TypeVar("ClientT", bound=_Closing)

MOST_KEPT = 1024 * 1024
"""Characters of an observation's evidence that is kept for the others who look around."""


@asynccontextmanager
async def connect(connections: Connections, *, clock: Clock) -> AsyncIterator[Cluster]:
    """The read clients of what is configured. Nothing is sent before the first question.

    Raises PermanentError for an address that is none.
    """
    # Each system's library is loaded only where that system is configured: start-up time is somebody's 2:47.
    async with AsyncExitStack() as stack:
        kubernetes = _kubernetes(stack, connections.kubernetes, clock=clock)
        yield Cluster(
            name=connections.name,
            clock=clock,
            connections=connections,
            kubernetes=kubernetes,
            kubernetes_together=_together(kubernetes),
            seen_lately=Kept(clock, fits=_small),
            prometheus=_made(stack, connections.prometheus, _prometheus),
            alertmanager=_made(stack, connections.alertmanager, _alertmanager),
            loki=_made(stack, connections.loki, _loki),
            traces=_made(stack, connections.traces, _traces),
            argocd=_made(stack, connections.argocd, _argocd),
            github=_made(stack, connections.github, _github),
            opencost=_made(stack, connections.opencost, _opencost),
            flags=_made(stack, connections.flags, _flags),
            status_pages={
                host: page
                for host, endpoint in connections.status_pages.items()
                if (page := _made(stack, endpoint, _status_page)) is not None
            },
        )


@asynccontextmanager
async def connect_write(connections: Connections, *, clock: Clock) -> AsyncIterator[WriteCluster]:
    """The write clients of what is configured, for the executor alone. Raises PermanentError for a wrong address.

    Alertmanager has one address for both: its API knows no roles, so that silencing needs nothing more than reading.
    """
    async with AsyncExitStack() as stack:
        yield WriteCluster(
            name=connections.name,
            clock=clock,
            connections=connections,
            kubernetes=_kubernetes(stack, connections.kubernetes_write, clock=clock),
            alertmanager=_made(stack, connections.alertmanager, _alertmanager),
            argocd=_made(stack, connections.argocd_write, _argocd),
            github=_made(stack, connections.github_write, _github),
        )


def _made(stack: AsyncExitStack, endpoint: Endpoint | None, make: Callable[[Endpoint], ClientT]) -> ClientT | None:
    if endpoint is None:
        return None
    client = make(endpoint)
    stack.push_async_callback(client.aclose)
    return client


def _kubernetes(stack: AsyncExitStack, access: KubernetesAccess | None, *, clock: Clock) -> "KubernetesClient | None":
    if access is None or not (access.kubeconfig or access.in_cluster):
        return None
    from tools.kubernetes.client import KubernetesClient

    client = KubernetesClient(access, clock=clock)
    stack.push_async_callback(client.close)
    return client


def _together(client: "KubernetesClient | None") -> "KubernetesClient | None":
    if client is None:
        return None
    from tools.kubernetes.recent import RecentReads

    return RecentReads(client)


def _small(seen: Observation[Any]) -> bool:
    return len(seen.evidence.body) <= MOST_KEPT


def _prometheus(endpoint: Endpoint) -> "PrometheusClient":
    from tools.prometheus.client import PrometheusClient

    return PrometheusClient(endpoint)


def _alertmanager(endpoint: Endpoint) -> "AlertmanagerClient":
    from tools.alertmanager.client import AlertmanagerClient

    return AlertmanagerClient(endpoint)


def _loki(endpoint: Endpoint) -> "LokiClient":
    from tools.loki.client import LokiClient

    return LokiClient(endpoint)


def _traces(endpoint: Endpoint) -> "TracesClient":
    from tools.traces.client import TracesClient

    return TracesClient(endpoint)


def _argocd(endpoint: Endpoint) -> "ArgoCDClient":
    from tools.argocd.client import ArgoCDClient

    return ArgoCDClient(endpoint)


def _github(endpoint: Endpoint) -> "GitHubClient":
    from tools.github.client import GitHubClient

    return GitHubClient(endpoint)


def _flags(endpoint: Endpoint) -> "FlagsClient":
    from tools.flags.client import FlagsClient

    return FlagsClient(endpoint)


def _status_page(endpoint: Endpoint) -> "StatusPageClient":
    from tools.statuspage.client import StatusPageClient

    return StatusPageClient(endpoint)


def _opencost(endpoint: Endpoint) -> "OpenCostClient":
    from tools.opencost.client import OpenCostClient

    return OpenCostClient(endpoint)
