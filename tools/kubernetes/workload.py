"""Deployments, StatefulSets and DaemonSets: what is wanted, what is there, and what the controller says about it."""

from incidents.entity import EntityKind
from incidents.value import Value
from tools.kubernetes.condition import Condition, find, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, read_meta
from tools.kubernetes.selector import Selector, read_selector
from tools.kubernetes.template import PodTemplate, read_template

REVISION_ANNOTATION = "deployment.kubernetes.io/revision"


class Replicas(Value):
    """Numbers of pods."""

    desired: int
    current: int = 0
    ready: int = 0
    updated: int = 0
    """Pods of the newest template."""
    available: int = 0
    misscheduled: int = 0


class Strategy(Value):
    """How a new template is rolled out. Surge and unavailable as written: `25%` or a number."""

    type: str = "RollingUpdate"
    max_surge: str = ""
    max_unavailable: str = ""
    partition: int = 0
    min_ready_s: int = 0
    deadline_s: int | None = None
    """progressDeadlineSeconds; None where the kind has none."""
    history_limit: int = 10
    pod_management: str = ""
    """OrderedReady or Parallel (StatefulSets)."""


class Workload(Value):
    """One workload."""

    meta: ObjectMeta
    kind: EntityKind
    replicas: Replicas
    observed_generation: int | None = None
    paused: bool = False
    strategy: Strategy = Strategy()
    revision: int | None = None
    """Number of the current revision (Deployments)."""
    current_revision: str = ""
    update_revision: str = ""
    """Names of the ControllerRevisions in use and wanted (StatefulSets)."""
    conditions: tuple[Condition, ...] = ()
    selector: Selector = Selector()
    template: PodTemplate = PodTemplate()
    claims: tuple[str, ...] = ()
    """volumeClaimTemplates by name (StatefulSets)."""
    service: str = ""
    """serviceName (StatefulSets)."""

    @property
    def behind(self) -> bool:
        """Whether the controller has not yet looked at the newest spec."""
        generation = self.meta.generation
        return generation is not None and self.observed_generation is not None and self.observed_generation < generation

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type."""
        return find(self.conditions, kind)


class Workloads(Value):
    """Workloads of a scope."""

    workloads: tuple[Workload, ...]


def read_workload(document: Document, *, cluster: str, kind: EntityKind) -> Workload:
    """Read a Deployment, StatefulSet or DaemonSet."""
    spec, status = document.at("spec"), document.at("status")
    meta = read_meta(document, cluster=cluster, kind=kind, managers=True)
    revision = document.mapping("metadata", "annotations").get(REVISION_ANNOTATION, "")
    return Workload(
        meta=meta,
        kind=kind,
        replicas=_daemon_replicas(status) if kind is EntityKind.DAEMONSET else _replicas(spec, status),
        observed_generation=status.whole("observedGeneration"),
        paused=spec.flag("paused"),
        strategy=_strategy(spec, kind),
        revision=int(revision) if revision.isdigit() else None,
        current_revision=status.word("currentRevision"),
        update_revision=status.word("updateRevision"),
        conditions=read_conditions(status),
        selector=read_selector(spec.at("selector")),
        template=read_template(spec.at("template")),
        claims=tuple(item.word("metadata", "name") for item in spec.items("volumeClaimTemplates")),
        service=spec.word("serviceName"),
    )


def _replicas(spec: Document, status: Document) -> Replicas:
    desired = spec.whole("replicas")
    return Replicas(
        desired=1 if desired is None else desired,
        current=status.count("replicas"),
        ready=status.count("readyReplicas"),
        updated=status.count("updatedReplicas"),
        available=status.count("availableReplicas"),
    )


def _daemon_replicas(status: Document) -> Replicas:
    return Replicas(
        desired=status.count("desiredNumberScheduled"),
        current=status.count("currentNumberScheduled"),
        ready=status.count("numberReady"),
        updated=status.count("updatedNumberScheduled"),
        available=status.count("numberAvailable"),
        misscheduled=status.count("numberMisscheduled"),
    )


def _strategy(spec: Document, kind: EntityKind) -> Strategy:
    strategy = spec.at("strategy" if kind is EntityKind.DEPLOYMENT else "updateStrategy")
    rolling, history = strategy.at("rollingUpdate"), spec.whole("revisionHistoryLimit")
    deadline = spec.whole("progressDeadlineSeconds")
    if kind is EntityKind.DEPLOYMENT and deadline is None:
        deadline = 600
    return Strategy(
        type=strategy.text("type") or "RollingUpdate",
        max_surge=rolling.word("maxSurge"),
        max_unavailable=rolling.word("maxUnavailable"),
        partition=rolling.count("partition"),
        min_ready_s=spec.count("minReadySeconds"),
        deadline_s=deadline,
        history_limit=10 if history is None else history,
        pod_management=spec.word("podManagementPolicy"),
    )
