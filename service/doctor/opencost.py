"""OpenCost: reachable, and whether it knows what workloads cost."""

from datetime import timedelta

from incidents.evidence import Window
from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from tools.estate import Cluster
from tools.opencost.client import OpenCostClient

WHAT = "OpenCost"
MEANS = "what workloads cost, and the cost of every proposal"
LOOKBACK = timedelta(hours=1)


class OpenCostView(Value):
    """How many workloads it has a price for."""

    workloads: int


async def look(client: OpenCostClient, *, window: Window) -> OpenCostView:
    """Ask. Raises ToolError."""
    steps = await client.allocations(window)
    return OpenCostView(workloads=len({one.name for step in steps for one in step}))


async def check(cluster: Cluster) -> Finding:
    """The row. Configured prices of nodes stand in for OpenCost."""
    priced = bool(cluster.connections.node_usd_per_hour)
    if cluster.opencost is None:
        row = unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="opencost")
        if not priced:
            return row
        update = {
            "found": "not configured; nodes have prices in the settings (node_usd_per_hour)",
            "means": "costs are estimated from requests and node prices",
            "state": State.OK,
            "do": "",
            "sees": ("estimated costs of workloads and proposals",),
            "blind": (),
        }
        return row.model_copy(update=update)
    now = cluster.clock.now()
    seen = await attempt(look(cluster.opencost, window=Window(start=now - LOOKBACK, end=now)))
    if isinstance(seen, Trouble):
        return troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="opencost")
    return Finding(
        cluster=cluster.name,
        what=WHAT,
        state=State.OK if seen.workloads else State.DEGRADED,
        found=f"knows the cost of {seen.workloads} workloads in the last hour",
        means=MEANS if seen.workloads else f"not seen: {MEANS}",
        do="" if seen.workloads else "see that OpenCost can read Prometheus",
        sees=(MEANS,) if seen.workloads else (),
        blind=() if seen.workloads else (MEANS,),
    )
