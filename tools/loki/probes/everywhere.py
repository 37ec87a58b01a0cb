"""Who else writes such lines: one pattern over namespaces, counted by pod, to tell one's own trouble from all's."""

from datetime import datetime

from pydantic import Field

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.loki.client import SYSTEM
from tools.observing import configured, observed
from tools.probe import Observation, Probe
from tools.prometheus.selector import quoted

MOST_LINES = 400
"""Lines that are read, earliest first: who began is what matters."""


class EverywhereArgs(Value):
    """Which lines: a regular expression (RE2), and when. No namespace means all that Loki has."""

    matching: str = Field(min_length=1, max_length=500)
    namespaces: tuple[str, ...] = ()
    start: datetime
    end: datetime


class Saying(Value):
    """One pod that writes such lines."""

    pod: str
    count: int
    first: datetime
    example: str


class EverywhereView(Value):
    """Pods that write such lines, those that began first."""

    matching: str
    pods: tuple[Saying, ...]


async def _run(cluster: Cluster, args: EverywhereArgs) -> Observation[EverywhereView]:
    client = configured(cluster.loki, system=SYSTEM, cluster=cluster.name)
    window = Window(start=args.start, end=args.end)
    spaces = "|".join(args.namespaces) or ".+"
    query = f"{{namespace=~{quoted(spaces)}}} |~ {quoted(args.matching)}"
    answer = await client.lines(query, window=window, limit=MOST_LINES, direction="forward")
    found: dict[str, Saying] = {}
    for line in answer.lines:
        known = found.get(line.pod)
        first, text = (known.first, known.example) if known else (line.at, line.text)
        found[line.pod] = Saying(pod=line.pod, count=(known.count if known else 0) + 1, first=first, example=text)
    return observed(
        EverywhereView(
            matching=args.matching, pods=tuple(sorted(found.values(), key=lambda one: (one.first, one.pod)))
        ),
        probe=PROBE.name,
        source=Source.LOKI,
        query=client.describe(query, window=window, limit=MOST_LINES),
        at=cluster.clock.now(),
        title="who else writes such lines",
        window=window,
        complete=False,
        cut=f"only the first {MOST_LINES} lines" if answer.more else None,
    )


PROBE = Probe(
    name="loki.everywhere",
    source=Source.LOKI,
    describe="Which pods of some or all namespaces write lines of one kind since a moment: shows whether a failure is "
    "one workload's own or everybody's.",
    args=EverywhereArgs,
    view=EverywhereView,
    run=_run,
)
