"""Loki: reachable, and whether it has lines of pods by the labels that probes select."""

from datetime import timedelta

from incidents.evidence import Window
from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from tools.estate import Cluster
from tools.loki.client import LokiClient

WHAT = "Loki"
MEANS = "logs of all pods together, and log lines that are new"
LOGQL = '{namespace=~".+"}'
LOOKBACK = timedelta(hours=1)


class LokiView(Value):
    """The newest line that was found."""

    lines: int
    pod: str = ""


async def look(client: LokiClient, *, window: Window) -> LokiView:
    """Ask. Raises ToolError."""
    answer = await client.lines(LOGQL, window=window, limit=5, direction="backward")
    return LokiView(lines=len(answer.lines), pod=answer.lines[-1].pod if answer.lines else "")


async def check(cluster: Cluster) -> Finding:
    """The row."""
    if cluster.loki is None:
        return unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="loki")
    now = cluster.clock.now()
    seen = await attempt(look(cluster.loki, window=Window(start=now - LOOKBACK, end=now)))
    if isinstance(seen, Trouble):
        return troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="loki")
    if not seen.lines:
        return Finding(
            cluster=cluster.name,
            what=WHAT,
            state=State.DEGRADED,
            found=f"answers, and has no line with a label namespace in the last hour ({LOGQL})",
            means=f"not seen: {MEANS}",
            do="give streams the labels namespace, pod and container (the usual ones of Promtail and Alloy)",
            blind=(MEANS,),
        )
    labelled = "with" if seen.pod else "without"
    return Finding(
        cluster=cluster.name,
        what=WHAT,
        state=State.OK if seen.pod else State.DEGRADED,
        found=f"has lines of the last hour, {labelled} a label pod",
        means="logs can be read by workload" if seen.pod else "logs can be read by namespace only",
        do="" if seen.pod else "give streams the labels pod and container",
        sees=(MEANS,),
    )
