"""The flag service: reachable, and whether it tells what was switched. Told only where one is configured."""

from datetime import timedelta

from incidents.evidence import Window
from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled
from service.doctor.finding import Finding, State
from tools.estate import Cluster
from tools.flags.client import FlagsClient

WHAT = "Flags"
MEANS = "which feature flags were switched, and by whom"
LOOKBACK = timedelta(days=1)


class FlagsView(Value):
    """How many flags were switched."""

    switched: int


async def look(client: FlagsClient, *, window: Window) -> FlagsView:
    """Ask. Raises ToolError."""
    return FlagsView(switched=len(await client.changes(window)))


async def check(cluster: Cluster) -> Finding | None:
    """The row; None without a flag service."""
    if cluster.flags is None:
        return None
    now = cluster.clock.now()
    seen = await attempt(look(cluster.flags, window=Window(start=now - LOOKBACK, end=now)))
    if isinstance(seen, Trouble):
        return troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="flags")
    return Finding(
        cluster=cluster.name,
        what=WHAT,
        state=State.OK,
        found=f"{seen.switched} switched in the last day",
        means="changes of behaviour without a deploy are seen",
        do="",
        sees=(MEANS,),
    )
