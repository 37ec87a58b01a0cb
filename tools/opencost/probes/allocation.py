"""What the workloads of some namespaces cost, hour by hour, and what they asked for and used."""

from datetime import datetime

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.observing import configured, observed
from tools.opencost.client import SYSTEM, Allocation
from tools.probe import Observation, Probe

STEP = "1h"
MOST_ROWS = 200
"""Allocations (workload and hour) that fit into one evidence body."""


class AllocationArgs(Value):
    """Which namespaces (all when none is given), over which window."""

    namespaces: tuple[str, ...] = ()
    start: datetime
    end: datetime


class AllocationView(Value):
    """One row per workload and hour, the latest hours first."""

    rows: tuple[Allocation, ...]


async def _run(cluster: Cluster, args: AllocationArgs) -> Observation[AllocationView]:
    client = configured(cluster.opencost, system=SYSTEM, cluster=cluster.name)
    window = Window(start=args.start, end=args.end)
    steps = await client.allocations(window, step=STEP)
    rows = [row for step in reversed(steps) for row in step if not args.namespaces or row.namespace in args.namespaces]
    return observed(
        AllocationView(rows=tuple(rows[:MOST_ROWS])),
        probe=PROBE.name,
        source=Source.OPENCOST,
        query=client.describe(window, step=STEP),
        at=cluster.clock.now(),
        title="cost" + (f" of {', '.join(args.namespaces)}" if args.namespaces else ""),
        window=window,
        complete=False,
        cut=f"the latest {MOST_ROWS} of {len(rows)} rows" if len(rows) > MOST_ROWS else None,
    )


PROBE = Probe(
    name="opencost.allocation",
    source=Source.OPENCOST,
    describe="Cost of workloads by hour from OpenCost, with CPU and memory requested and used.",
    args=AllocationArgs,
    view=AllocationView,
    run=_run,
)
