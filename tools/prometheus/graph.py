"""How estates say who calls whom: service graphs out of traces, and Istio. The PromQL of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tools.prometheus.selector import any_of, quoted


class GraphSource(StrEnum):
    """Where the calls are seen."""

    SERVICE_GRAPH = "service_graph"
    """Tempo's metrics generator or OpenTelemetry's servicegraph connector."""
    ISTIO = "istio"


@dataclass(frozen=True, kw_only=True)
class GraphMetrics:
    """Metric and label names of one source."""

    source: GraphSource
    total: str
    failed: str | None
    """A counter of failed calls; None when a code on `total` says it."""
    failed_matcher: str = ""
    buckets: str
    seconds: float
    """What one unit of the duration is in seconds."""
    client: str
    server: str
    client_namespace: str | None = None
    server_namespace: str | None = None
    only: str = ""

    @property
    def by(self) -> str:
        """The labels of one call."""
        labels = (self.client, self.server, self.client_namespace, self.server_namespace)
        return ", ".join(label for label in labels if label)

    def calls(self, *, seconds: int) -> str:
        """Every call that there is, in requests per second."""
        return f"sum by ({self.by}) (rate({self.total}{{{self.only}}}[{seconds}s]))"

    def rate(self, names: Iterable[str], *, seconds: int) -> str:
        """Calls from or to these services, in requests per second."""
        return f"sum by ({self.by}) ({self._either(self.total, names, seconds=seconds)})"

    def failures(self, names: Iterable[str], *, seconds: int) -> str:
        """Failed calls from or to these services per second."""
        counter = self._either(self.failed or self.total, names, seconds=seconds, more=self.failed_matcher)
        return f"sum by ({self.by}) ({counter})"

    def p99(self, names: Iterable[str], *, seconds: int) -> str:
        """The 99th percentile of calls from or to these services, in seconds."""
        rates = self._either(self.buckets, names, seconds=seconds)
        scale = "" if self.seconds == 1.0 else f" * {self.seconds:g}"
        return f"histogram_quantile(0.99, sum by (le, {self.by}) ({rates})){scale}"

    def _either(self, metric: str, names: Iterable[str], *, seconds: int, more: str = "") -> str:
        known = list(names)
        extra = "".join(f",{part}" for part in (self.only, more) if part)
        sides = (any_of(self.client, known), any_of(self.server, known))
        return " or ".join(f"rate({metric}{{{side}{extra}}}[{seconds}s])" for side in sides)


SOURCES = (
    GraphMetrics(
        source=GraphSource.SERVICE_GRAPH,
        total="traces_service_graph_request_total",
        failed="traces_service_graph_request_failed_total",
        buckets="traces_service_graph_request_server_seconds_bucket",
        seconds=1.0,
        client="client",
        server="server",
    ),
    GraphMetrics(
        source=GraphSource.ISTIO,
        total="istio_requests_total",
        failed=None,
        failed_matcher=f"response_code=~{quoted('5..|0')}",
        buckets="istio_request_duration_milliseconds_bucket",
        seconds=0.001,
        client="source_workload",
        server="destination_workload",
        client_namespace="source_workload_namespace",
        server_namespace="destination_workload_namespace",
        only='reporter="source"',  # the caller also sees calls that never arrived
    ),
)
