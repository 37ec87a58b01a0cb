"""What nodes cost by the settings, for estates without OpenCost. Asks nobody: it puts the prices on record."""

from incidents.evidence import Source
from incidents.value import Value
from tools.errors import NotConfiguredError
from tools.estate import Cluster
from tools.observing import observed
from tools.probe import Observation, Probe


class NodePricesArgs(Value):
    """Nothing to say."""


class NodePricesView(Value):
    """USD per hour by node name, instance type, or `*` for all others."""

    usd_per_hour: dict[str, float]


async def _run(cluster: Cluster, args: NodePricesArgs) -> Observation[NodePricesView]:  # noqa: ARG001 - a probe's form
    prices = dict(cluster.connections.node_usd_per_hour)
    if not prices:
        raise NotConfiguredError(f"no node prices are set for {cluster.name}: write node_usd_per_hour in the settings")
    return observed(
        NodePricesView(usd_per_hour=prices),
        probe=PROBE.name,
        source=Source.MIDWATCH,
        query="settings: node_usd_per_hour",
        at=cluster.clock.now(),
        title="configured prices of nodes",
        complete=False,
    )


PROBE = Probe(
    name="opencost.node_prices",
    source=Source.MIDWATCH,
    describe="Prices of nodes per hour as configured, used where OpenCost is not there.",
    args=NodePricesArgs,
    view=NodePricesView,
    run=_run,
)
