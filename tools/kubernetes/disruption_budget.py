"""Pod disruption budgets: how many pods may be taken away right now."""

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.condition import Condition, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, read_meta
from tools.kubernetes.selector import Selector, read_selector


class DisruptionBudget(Value):
    """One PodDisruptionBudget. Bounds as written: a number or a percentage."""

    meta: ObjectMeta
    selector: Selector
    min_available: str = ""
    max_unavailable: str = ""
    allowed: int = 0
    """Disruptions allowed now."""
    healthy: int = 0
    desired_healthy: int = 0
    expected: int = 0
    conditions: tuple[Condition, ...] = ()
    workloads: tuple[EntityId, ...] = ()
    """Workloads whose pods it protects."""


class DisruptionBudgets(Value):
    """Budgets of a scope."""

    budgets: tuple[DisruptionBudget, ...]


def read_disruption_budget(document: Document, *, cluster: str) -> DisruptionBudget:
    """Read a policy/v1 PodDisruptionBudget; the workloads are added by the probe."""
    spec, status = document.at("spec"), document.at("status")
    return DisruptionBudget(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.PDB),
        selector=read_selector(spec.at("selector")),
        min_available=spec.word("minAvailable"),
        max_unavailable=spec.word("maxUnavailable"),
        allowed=status.count("disruptionsAllowed"),
        healthy=status.count("currentHealthy"),
        desired_healthy=status.count("desiredHealthy"),
        expected=status.count("expectedPods"),
        conditions=read_conditions(status),
    )
