"""Deployments, StatefulSets and DaemonSets: wanted and present replicas, conditions, templates, and who wrote them."""

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.scope import Where, list_kind
from tools.kubernetes.workload import Workload, Workloads, read_workload
from tools.probe import Observation, Probe

KINDS = (EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET)


async def run(cluster: Cluster, where: Where) -> Observation[Workloads]:
    """List the workloads of the scope. Raises ToolError."""
    target = where.target
    kinds = (target.kind,) if target is not None and target.kind in KINDS else KINDS
    async with parallel() as group:
        tasks = {kind: group.create_task(list_kind(cluster, kind, where)) for kind in kinds}
    found = {kind: task.result() for kind, task in tasks.items()}
    workloads = [
        read_workload(item, cluster=cluster.name, kind=kind) for kind, one in found.items() for item in one.items
    ]
    workloads.sort(key=_interest)
    return observed(
        cluster,
        Workloads(workloads=tuple(workloads)),
        probe=PROBE.name,
        title="workloads",
        where=where,
        found=found.values(),
        entities=[workload.meta.entity for workload in workloads],
    )


def _interest(workload: Workload) -> tuple[bool, str]:
    """Workloads in trouble come first, so that they stay when a body is bounded."""
    return workload.replicas.available >= workload.replicas.desired, workload.meta.entity


PROBE = Probe(
    name="kubernetes.workloads",
    source=Source.KUBERNETES,
    describe="Deployments, StatefulSets and DaemonSets of a scope: replicas wanted, ready, updated and available, "
    "conditions, strategy, template (resources, probes, references) and field managers.",
    args=Where,
    view=Workloads,
    run=run,
)
