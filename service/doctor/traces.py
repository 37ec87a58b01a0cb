"""The trace store: reachable, and whether it has traces of the last hour."""

from datetime import timedelta

from incidents.evidence import Window
from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from tools.estate import Cluster
from tools.traces.client import TracesClient

WHAT = "Traces"
MEANS = "where in a request a failure begins, and where its time goes"
TRACEQL = "{ }"
LOOKBACK = timedelta(hours=1)


class TracesView(Value):
    """How many traces a small search found."""

    traces: int


async def look(client: TracesClient, *, window: Window) -> TracesView:
    """Ask. Raises ToolError."""
    return TracesView(traces=len(await client.search(TRACEQL, window=window, limit=5)))


async def check(cluster: Cluster) -> Finding:
    """The row."""
    if cluster.traces is None:
        return unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="traces")
    now = cluster.clock.now()
    seen = await attempt(look(cluster.traces, window=Window(start=now - LOOKBACK, end=now)))
    if isinstance(seen, Trouble):
        return troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="traces")
    if not seen.traces:
        return Finding(
            cluster=cluster.name,
            what=WHAT,
            state=State.DEGRADED,
            found="answers, and has no trace of the last hour",
            means=f"not seen: {MEANS}",
            do="send OTLP spans with the resource attribute service.name to it; it is matched with the workload's name",
            blind=(MEANS,),
        )
    return Finding(
        cluster=cluster.name,
        what=WHAT,
        state=State.OK,
        found="has traces of the last hour",
        means="failures and latency can be followed through services",
        do="",
        sees=(MEANS,),
    )
