"""What a scenario says about one workload: what it is made of, how it behaves, whom it calls, how it got here."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from worlds.scenario.values import Duration, Pair, Quantity, RequestLimit, Value


class WorkloadKind(StrEnum):
    """What runs it. `External` is outside the cluster: it can be called and observed, not changed."""

    DEPLOYMENT = "Deployment"
    STATEFULSET = "StatefulSet"
    DAEMONSET = "DaemonSet"
    JOB = "Job"
    EXTERNAL = "External"


class Probe(Value):
    """A readiness or liveness probe over HTTP, or over TCP when `path` is empty."""

    path: str = "/healthz"
    port: int | None = Field(default=None, description="The container's port when left out.")
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    delay: Duration = 5.0
    period: Duration = 10.0
    timeout: Duration = 1.0
    failures: int = 3


class Rollout(Value):
    """How a Deployment replaces its pods."""

    strategy: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"
    min_ready: Duration = 0.0
    progress_deadline: Duration = 600.0


class Traffic(Value):
    """Requests that arrive from outside the estate."""

    rps: float = Field(default=0.0, ge=0)
    daily_swing: float = Field(default=0.25, ge=0, le=0.95, description="Share by which the day moves the rate.")
    noise: float = Field(default=0.05, ge=0, le=0.5)


class Behaviour(Value):
    """How one pod behaves under load. Every figure is per pod or per request."""

    latency: Duration = Field(default=0.03, gt=0, description="Median of one request without what it calls.")
    spread: float = Field(default=0.55, gt=0, le=2, description="Sigma of the log-normal latency.")
    error_rate: float = Field(default=0.0008, ge=0, le=1)
    client_error_rate: float = Field(default=0.012, ge=0, le=1)
    cpu_per_request: Duration = Field(default=0.004, ge=0, description="CPU seconds.")
    idle_cpu: Quantity = "15m"
    capacity: float | None = Field(default=None, gt=0, description="Requests/s one pod can take; from CPU if left out.")
    memory_base: Quantity = "110Mi"
    memory_per_rps: Quantity = "1Mi"
    memory_ramp: Duration = Field(default=45.0, gt=0, description="Time constant in which memory follows load.")
    leak_per_hour: Quantity = "0"
    startup: Duration = Field(default=9.0, ge=0, description="From process start until it can answer.")
    max_connections: int | None = Field(default=None, gt=0, description="Connections that it accepts in all.")


class Call(Value):
    """A dependency: what one request costs another service."""

    to: str = Field(description="namespace/name, or a name in the same namespace.")
    per_request: float = Field(default=1.0, gt=0)
    timeout: Duration = 2.0
    optional: bool = Field(default=False, description="The caller answers well when the call fails.")
    asynchronous: bool = Field(
        default=False, description="The caller does not wait: neither errors nor latency return."
    )
    retries: int = Field(default=0, ge=0, le=5)
    pool: int | None = Field(default=None, gt=0, description="Connections that each pod of the caller holds open.")
    pool_variable: str = Field(default="", description="The env variable that overrides the size of the pool.")
    queue: str = Field(
        default="",
        description="The call is a message in this queue: what the callee cannot work off waits there. Asynchronous.",
    )
    port: int | None = None
    variable: str | None = Field(
        default=None, description="The env variable with the address; <NAME>_ADDR if left out."
    )

    @property
    def waits(self) -> bool:
        """Whether the caller waits for the answer."""
        return not (self.asynchronous or self.queue)


class Release(Value):
    """An earlier, healthy deploy."""

    at: Duration
    tag: str
    message: str = ""
    author: str = ""


class Volume(Value):
    """A persistent volume claim. `used` is the share that is full at the start of the history."""

    name: str = "data"
    size: Quantity = "20Gi"
    mount: str = "/var/lib/data"
    storage_class: str = "standard"
    used: float = Field(default=0.4, ge=0, le=1)
    growth_per_hour: Quantity = "0"
    owner: int | None = Field(default=None, description="Group whose files these are: the pods' fsGroup.")


class Autoscale(Value):
    """A HorizontalPodAutoscaler on CPU utilisation."""

    min: int = 2
    max: int = 10
    cpu: int = Field(default=70, gt=0, le=200, description="Target utilisation in per cent of the request.")


class Notice(Value):
    """An incident that a provider outside tells on its status page."""

    at: Duration
    until: Duration | None = None
    name: str
    impact: Literal["none", "minor", "major", "critical", "maintenance"] = "major"
    body: str = ""


class Workload(Value):
    """One workload with its Service, its repository and its behaviour."""

    name: str
    namespace: str = "default"
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    replicas: int = Field(default=2, ge=0)
    image: str = ""
    tag: str = "1.0.0"
    port: int | None = 8080
    service_port: int | None = None
    cpu: RequestLimit = Field(default_factory=lambda: Pair(request="100m", limit="500m"))
    memory: RequestLimit = Field(default_factory=lambda: Pair(request="128Mi", limit="256Mi"))
    readiness: Probe | None = Field(default_factory=Probe)
    liveness: Probe | None = Field(default_factory=lambda: Probe(path="/livez", delay=15.0))
    rollout: Rollout = Field(default_factory=Rollout)
    env: dict[str, str] = Field(default_factory=dict)
    config: dict[str, str] = Field(default_factory=dict, description="Keys of its ConfigMap, read as env variables.")
    secrets: tuple[str, ...] = Field(default=(), description="Keys of its Secret, read as env variables.")
    command: tuple[str, ...] = ()
    needs: tuple[str, ...] = Field(default=(), description="Variables without which the process does not start.")
    pull_secret: str = Field(default="", description="Secret with which its image is pulled; its registry is private.")
    startup_probe: Probe | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, str], ...] = ()
    volume: Volume | None = None
    autoscale: Autoscale | None = None
    min_available: int | None = Field(default=None, description="Adds a PodDisruptionBudget.")
    host: str = Field(default="", description="Adds an Ingress for this host name.")
    sidecars: tuple[str, ...] = Field(default=(), description="Images that run beside it.")
    traffic: Traffic = Field(default_factory=Traffic)
    behaviour: Behaviour = Field(default_factory=Behaviour)
    calls: tuple[Call, ...] = ()
    history: tuple[Release, ...] = ()
    language: Literal["go", "java", "node", "python", "nginx", "postgres", "redis"] = "go"
    routes: tuple[str, ...] = ("/",)
    team: str = "platform"
    repository: str = ""
    manifests: str = "deploy"
    gitops: bool = True
    instrumented: bool = Field(default=True, description="Whether it exposes request metrics of its own.")
    traced: bool = True
    status_page: bool = Field(default=False, description="External only: whether it has a status page.")
    notices: tuple[Notice, ...] = Field(default=(), description="What it tells there.")

    @property
    def key(self) -> str:
        """`namespace/name`, the name by which a scenario points at it."""
        return f"{self.namespace}/{self.name}"
