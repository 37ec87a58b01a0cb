"""Which flags were switched in a window, by whom, and which applications ask for them."""

import asyncio
from datetime import datetime

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.flags.client import SYSTEM, FlagChange
from tools.observing import configured, observed
from tools.probe import Observation, Probe

MOST_LOOKED_UP = 10
"""Flags whose applications are asked for, those switched last: each costs a call."""


class ChangesArgs(Value):
    """In which window."""

    start: datetime
    end: datetime


class SwitchedFlag(Value):
    """A switch and who asks for the flag."""

    change: FlagChange
    applications: tuple[str, ...] = ()


class FlagsView(Value):
    """Switches, newest first."""

    switched: tuple[SwitchedFlag, ...]


async def _run(cluster: Cluster, args: ChangesArgs) -> Observation[FlagsView]:
    client = configured(cluster.flags, system=SYSTEM, cluster=cluster.name)
    window = Window(start=args.start, end=args.end)
    changes = await client.changes(window)
    flags = tuple(dict.fromkeys(one.flag for one in changes))
    users = dict(
        zip(flags, await asyncio.gather(*(client.applications(flag) for flag in flags[:MOST_LOOKED_UP])), strict=False)
    )
    return observed(
        FlagsView(switched=tuple(SwitchedFlag(change=one, applications=users.get(one.flag, ())) for one in changes)),
        probe=PROBE.name,
        source=Source.FLAGS,
        query=client.describe(window),
        at=cluster.clock.now(),
        title="flags that were switched",
        window=window,
        cut=f"applications of {MOST_LOOKED_UP} of {len(flags)} flags" if len(flags) > MOST_LOOKED_UP else None,
    )


PROBE = Probe(
    name="flags.changes",
    source=Source.FLAGS,
    describe="Feature flags that were switched in a window, in which environment and by whom, with the applications "
    "that ask for them: changes that no deploy shows.",
    args=ChangesArgs,
    view=FlagsView,
    run=_run,
)
