"""Disruption budgets that allow nothing: drains and evictions are refused."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.disruption_budget import DisruptionBudgets

BLOCKS = FactSpec(
    kind=FactKind("pdb.blocks"),
    role=FactRole.STATE,
    meaning="A disruption budget allows no pod of a workload to be taken away now.",
    attributes={
        "name": "name of the budget",
        "healthy": "healthy pods",
        "wanted": "healthy pods that must stay",
        "always": "true when it allows nothing even with all pods healthy",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per budget and protected workload."""
    for seen in sightings.of(DisruptionBudgets):
        for budget in seen.view.budgets:
            if budget.allowed > 0 or budget.expected == 0:
                continue
            always = budget.desired_healthy >= budget.expected
            for workload in budget.workloads:
                yield state(
                    BLOCKS,
                    entity=workload,
                    text=f"disruption budget {budget.meta.name} allows no disruption: {budget.healthy} healthy, "
                    f"{budget.desired_healthy} of {budget.expected} must stay",
                    seen=[seen],
                    at=None,
                    related=[budget.meta.entity],
                    detector=DETECTOR.name,
                    name=budget.meta.name,
                    healthy=budget.healthy,
                    wanted=budget.desired_healthy,
                    always=always,
                )


DETECTOR = Detector(name="kubernetes.disruption", emits=(BLOCKS,), needs=(DisruptionBudgets,), detect=detect)
