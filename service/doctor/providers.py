"""Status pages of providers: whether they answer. Told only where some are configured."""

import asyncio

from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled
from service.doctor.finding import Finding, State
from tools.estate import Cluster
from tools.statuspage.client import StatusPageClient

WHAT = "Status pages"
MEANS = "what providers outside say of their own incidents"


class PageView(Value):
    """How many incidents a page tells."""

    incidents: int


async def look(page: StatusPageClient) -> PageView:
    """Ask. Raises ToolError."""
    return PageView(incidents=len(await page.incidents()))


async def check(cluster: Cluster) -> Finding | None:
    """The row: the first page that does not answer, else how many do. None without a page."""
    if not cluster.status_pages:
        return None
    answers = await asyncio.gather(*(attempt(look(page)) for page in cluster.status_pages.values()))
    for host, answer in zip(cluster.status_pages, answers, strict=True):
        if isinstance(answer, Trouble):
            row = troubled(answer, cluster=cluster.name, what=WHAT, means=MEANS, setting=f"status_pages[{host}]")
            return row.model_copy(update={"found": f"{host}: {row.found}"})
    return Finding(
        cluster=cluster.name,
        what=WHAT,
        state=State.OK,
        found=f"{len(answers)} answer",
        means=MEANS,
        do="",
        sees=(MEANS,),
    )
