"""What was recorded of an estate around one moment: plain values that the served APIs answer from.

Nothing is made up here: what a source did not record is missing, and a source that recorded nothing is `absent`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from worlds.loki.storage import Entry
from worlds.promql.storage import Series
from worlds.repository.git import Person

Source = Literal["kubernetes", "prometheus", "alertmanager", "loki", "github", "argocd", "opencost", "traces"]


@dataclass(frozen=True, kw_only=True)
class ContainerLog:
    """Lines of one container, oldest first, as (unix seconds, text). `previous`: of the instance before this one."""

    namespace: str
    pod: str
    container: str
    lines: Sequence[tuple[float, str]]
    previous: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordedCommit:
    """One commit with its diff. Git's ids cannot be derived when only diffs were recorded: `sha` is served as it is."""

    repository: str
    sha: str
    author: Person
    at: float
    message: str
    patches: Mapping[str, str] = field(default_factory=dict)
    """Unified diff (hunks, without file headers) by path."""


@dataclass(frozen=True, kw_only=True)
class RecordedDeployment:
    """One rollout of a commit to an environment, at unix seconds."""

    repository: str
    sha: str
    environment: str
    at: float
    workload: str = ""
    """`namespace/kind/name` of what it rolled out, when that was recorded."""
    state: str = "success"
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Span:
    """One span of a trace, times in unix seconds."""

    trace: str
    id: str
    parent: str
    service: str
    name: str
    kind: Literal["server", "client", "internal", "producer", "consumer"]
    start: float
    seconds: float
    error: bool = False
    namespace: str = ""
    """Kubernetes namespace of the service, where the collector knew it."""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Everything that can be asked about. `now` is the moment at which somebody starts to look."""

    cluster: str
    now: datetime
    objects: Sequence[Mapping[str, Any]] = ()
    """Complete Kubernetes objects (apiVersion, kind, metadata, spec, status), Events among them."""
    unread: frozenset[str] = frozenset()
    """Plurals of Kubernetes resources that nobody recorded: asking for them is refused, since nothing is known."""
    container_logs: Sequence[ContainerLog] = ()
    series: Sequence[Series] = ()
    logs: Sequence[Entry] = ()
    """Log lines by stream labels, for Loki."""
    commits: Sequence[RecordedCommit] = ()
    deployments: Sequence[RecordedDeployment] = ()
    spans: Sequence[Span] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    """Alerts that Alertmanager knows besides the one that called, in the form of its API v2."""
    absent: frozenset[Source] = frozenset()
    """Sources that were not recorded at all: they are not connected."""
