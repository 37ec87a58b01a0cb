"""Horizontal pod autoscalers of a scope."""

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.autoscaler import Autoscalers, read_autoscaler
from tools.kubernetes.observing import observed
from tools.kubernetes.scope import Where, list_kind
from tools.probe import Observation, Probe


async def run(cluster: Cluster, where: Where) -> Observation[Autoscalers]:
    """List the autoscalers. Raises ToolError."""
    found = await list_kind(cluster, EntityKind.HPA, where)
    scalers = [read_autoscaler(item, cluster=cluster.name) for item in found.items]
    if where.target is not None and where.target.is_workload:
        scalers = [scaler for scaler in scalers if scaler.target == where.target.id]
    return observed(
        cluster,
        Autoscalers(autoscalers=tuple(scalers)),
        probe=PROBE.name,
        title="autoscalers",
        where=where,
        found=[found],
        entities=[scaler.meta.entity for scaler in scalers],
    )


PROBE = Probe(
    name="kubernetes.autoscalers",
    source=Source.KUBERNETES,
    describe="HorizontalPodAutoscalers: bounds, wanted replicas, measured against aimed values, conditions. "
    "Ask when replicas do not follow the load.",
    args=Where,
    view=Autoscalers,
    run=run,
)
