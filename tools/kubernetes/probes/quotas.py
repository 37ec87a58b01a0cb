"""Resource quotas and limit ranges of a scope."""

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.quota import Quotas, read_limit_range, read_quota
from tools.kubernetes.scope import Where, list_kind
from tools.probe import Observation, Probe


async def run(cluster: Cluster, where: Where) -> Observation[Quotas]:
    """List quotas and limit ranges. Raises ToolError."""
    async with parallel() as group:
        quotas = group.create_task(list_kind(cluster, EntityKind.QUOTA, where))
        ranges = group.create_task(list_kind(cluster, EntityKind.LIMITRANGE, where))
    found = [quotas.result(), ranges.result()]
    view = Quotas(
        quotas=tuple(read_quota(item, cluster=cluster.name) for item in found[0].items),
        limit_ranges=tuple(read_limit_range(item, cluster=cluster.name) for item in found[1].items),
    )
    return observed(
        cluster,
        view,
        probe=PROBE.name,
        title="quotas and limits",
        where=where,
        found=found,
        entities=[quota.meta.entity for quota in view.quotas],
    )


PROBE = Probe(
    name="kubernetes.quotas",
    source=Source.KUBERNETES,
    describe="ResourceQuotas with what is used of them, and LimitRanges. Ask when pods are not created at all.",
    args=Where,
    view=Quotas,
    run=run,
)
