"""Pod disruption budgets of a scope, with the workloads that they protect."""

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.disruption_budget import DisruptionBudget, DisruptionBudgets, read_disruption_budget
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.probes.workloads import KINDS
from tools.kubernetes.scope import Where, list_kind
from tools.probe import Observation, Probe


async def run(cluster: Cluster, where: Where) -> Observation[DisruptionBudgets]:
    """List the budgets. Raises ToolError."""
    inside = Where(namespace=where.place)
    async with parallel() as group:
        listing = group.create_task(list_kind(cluster, EntityKind.PDB, where))
        owners = {kind: group.create_task(list_kind(cluster, kind, inside)) for kind in KINDS}
    found = listing.result()
    owning = [(kind, item) for kind, task in owners.items() for item in task.result().items]
    budgets = [_whole(read_disruption_budget(item, cluster=cluster.name), owning, cluster.name) for item in found.items]
    if where.target is not None and where.target.is_workload:
        budgets = [budget for budget in budgets if where.target.id in budget.workloads]
    return observed(
        cluster,
        DisruptionBudgets(budgets=tuple(budgets)),
        probe=PROBE.name,
        title="disruption budgets",
        where=where,
        found=[found],
        entities=[budget.meta.entity for budget in budgets],
    )


def _whole(budget: DisruptionBudget, owning: list[tuple[EntityKind, Document]], cluster: str) -> DisruptionBudget:
    protected = [
        entity_id(cluster, kind, item.word("metadata", "name"), item.text("metadata", "namespace"))
        for kind, item in owning
        if item.text("metadata", "namespace") == budget.meta.namespace
        and budget.selector.matches(item.mapping("spec", "template", "metadata", "labels"))
    ]
    return budget.model_copy(update={"workloads": tuple(protected)})


PROBE = Probe(
    name="kubernetes.disruption_budgets",
    source=Source.KUBERNETES,
    describe="PodDisruptionBudgets: how many pods may be taken away now. Ask before an eviction or drain.",
    args=Where,
    view=DisruptionBudgets,
    run=run,
)
