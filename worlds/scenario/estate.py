"""What a scenario says about the estate around the workloads: cluster, nodes, namespaces, metric conventions."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from worlds.scenario.values import Quantity, Value
from worlds.scenario.workload import Workload, WorkloadKind


class HttpMetrics(StrEnum):
    """How the estate's services expose requests, errors and durations."""

    OTEL = "otel"
    """OpenTelemetry semantic conventions: http_server_request_duration_seconds."""
    CLASSIC = "classic"
    """http_requests_total and http_request_duration_seconds."""
    ISTIO = "istio"
    """istio_requests_total, reported by the destination's sidecar."""


class NodePool(Value):
    """Nodes of one kind, named `<name>-<five letters>`."""

    name: str
    count: int = Field(default=3, ge=1)
    cpu: Quantity = "4"
    memory: Quantity = "16Gi"
    pods: int = 110
    zones: tuple[str, ...] = ("a", "b", "c")
    instance_type: str = "n2-standard-4"
    region: str = Field(default="", description="The estate's region when left out.")
    price_per_hour: float = Field(default=0.19, ge=0)
    labels: dict[str, str] = Field(default_factory=dict)
    taints: tuple[dict[str, str], ...] = ()


class Namespace(Value):
    """A namespace, with its quota when it has one (resource name to quantity)."""

    name: str
    labels: dict[str, str] = Field(default_factory=dict)
    quota: dict[str, Quantity] = Field(default_factory=dict)


class Estate(Value):
    """Everything that is there before anything happens."""

    cluster: str = "prod"
    region: str = "europe-west1"
    organisation: str = "acme"
    version: str = "v1.33.4"
    http_metrics: HttpMetrics = HttpMetrics.OTEL
    service_graph: bool = True
    traces: bool = Field(default=False, description="Whether a trace store keeps sampled requests.")
    flags: bool = Field(default=False, description="Whether a flag service can be asked what was switched.")
    environment: str = "production"
    nodes: tuple[NodePool, ...] = (NodePool(name="pool-1"),)
    namespaces: tuple[Namespace, ...] = ()
    workloads: tuple[Workload, ...]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        keys = [workload.key for workload in self.workloads]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"workload {key!r} is there twice: give each a name of its own")
        for workload in self.workloads:
            for call in workload.calls:
                if resolve(call.to, workload=workload) not in keys:
                    raise ValueError(f"{workload.key} calls {call.to!r}, which is no workload: name one of {keys}")
            if workload.kind is WorkloadKind.EXTERNAL and workload.calls:
                raise ValueError(f"{workload.key} is External: it cannot have calls")
        return self

    def workload(self, key: str) -> Workload:
        """Return the workload `namespace/name`. Raises KeyError."""
        for workload in self.workloads:
            if workload.key == key:
                return workload
        raise KeyError(key)


def resolve(name: str, *, workload: Workload) -> str:
    """Return `namespace/name` for a name as seen from a workload."""
    return name if "/" in name else f"{workload.namespace}/{name}"
