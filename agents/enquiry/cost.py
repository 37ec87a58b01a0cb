"""What a workload cost within the last day, by OpenCost, and how much of what it asks for it uses."""

from datetime import timedelta

from agents.cost.prices import GIB
from agents.enquiry.seen import Notebook
from agents.wording import percent
from incidents.entity import Entity
from tools.kubernetes.workload import Workload, Workloads
from tools.opencost.client import Allocation
from tools.opencost.probes.allocation import PROBE as ALLOCATION
from tools.opencost.probes.allocation import AllocationArgs
from tools.probe import Observation

DAY = timedelta(days=1)
HOURS_OF_A_MONTH = 730
"""365 x 24 / 12, as OpenCost and the clouds count."""


async def answer(workload: Workload, _: Observation[Workloads], notes: Notebook) -> None:
    """Note what it costs."""
    entity = Entity.parse(workload.meta.entity)
    args = AllocationArgs(namespaces=(entity.namespace or "",), start=notes.now - DAY, end=notes.now)
    seen = await notes.look(ALLOCATION, args)
    if seen is None:
        return
    rows = [row for row in seen.view.rows if row.controller == entity.name]
    hours = sum(row.minutes for row in rows) / 60
    if not hours:
        notes.tell(f"no cost of {entity.name} was counted within a day", seen=seen)
        return
    rate = sum(row.total_cost for row in rows) / hours
    total = sum(row.total_cost for row in rows)
    month = rate * HOURS_OF_A_MONTH
    notes.tell(
        f"{entity.name} cost {total:.2f} $ in {hours:.0f} h: {rate:.3f} $/h, about {month:.0f} $ a month", seen=seen
    )
    notes.tell(_used(max(rows, key=lambda row: (round(row.minutes), row.end))), seen=seen)


def _used(row: Allocation) -> str:
    """What it asks for and uses, in the last whole hour."""
    cpu = f" ({percent(row.cpu_use / row.cpu_request)} used)" if row.cpu_request else ""
    memory = f" ({percent(row.ram_use / row.ram_request)} used)" if row.ram_request else ""
    return f"it asks for {row.cpu_request:.2g} cores{cpu} and {row.ram_request / GIB:.2g} GiB of memory{memory}"
