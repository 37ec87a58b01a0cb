"""Network policies of a scope, with the labels of the namespaces that their peers may name."""

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.network_policy import NetworkPolicies, read_network_policy
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.scope import Where, list_kind
from tools.probe import Observation, Probe


async def run(cluster: Cluster, where: Where) -> Observation[NetworkPolicies]:
    """List the policies of the scope. Raises ToolError."""
    async with parallel() as group:
        listing = group.create_task(list_kind(cluster, EntityKind.NETWORKPOLICY, where))
        naming = group.create_task(permitted(list_kind(cluster, EntityKind.NAMESPACE, Where(), metadata_only=True)))
    found, spaces = listing.result(), naming.result()
    labels = (
        {}
        if isinstance(spaces, str)
        else {item.word("metadata", "name"): item.mapping("metadata", "labels") for item in spaces.items}
    )
    policies = [read_network_policy(item, cluster=cluster.name) for item in found.items]
    return observed(
        cluster,
        NetworkPolicies(policies=tuple(policies), namespace_labels=labels),
        probe=PROBE.name,
        title="network policies",
        where=where,
        found=[found],
        entities=[policy.meta.entity for policy in policies],
        cut=f"labels of namespaces are unknown: {spaces}" if isinstance(spaces, str) else None,
    )


PROBE = Probe(
    name="kubernetes.network_policies",
    source=Source.KUBERNETES,
    describe="Network policies of a scope: which pods they isolate and whom they let through. "
    "Ask when connections time out although the callee is healthy.",
    args=Where,
    view=NetworkPolicies,
    run=run,
)
