"""Alertmanager: reachable, and whether a receiver of it posts to Midwatch, as far as its configuration shows."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from tools.alertmanager.status import OUR_PATH, AlertmanagerStatus, status_of
from tools.estate import Cluster

WHAT = "Alertmanager"
MEANS = "other active alerts and silences"
LATELY = timedelta(days=1)
"""A delivery within it proves that the webhook works, whatever the configuration shows; a Watchdog comes more often."""

HEARTBEAT = timedelta(hours=12)
"""Alertmanager repeats Watchdog at its repeat_interval: 4 hours by default, 12 in kube-prometheus' configuration."""
STOPPED = "the dead man's switch is silent: alerts may not arrive any more"


async def check(
    cluster: Cluster, *, last_delivery: datetime | None, heartbeats: Mapping[str, datetime] | None = None
) -> Finding:
    """The row. `last_delivery` is when anything was delivered to this Midwatch; `heartbeats` by `cluster/name`."""
    if cluster.alertmanager is None:
        return unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="alertmanager")
    seen = await attempt(status_of(cluster.alertmanager))
    if isinstance(seen, Trouble):
        return troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="alertmanager")
    now = cluster.clock.now()
    own = [at for name, at in (heartbeats or {}).items() if name.startswith(f"{cluster.name}/")]
    return judge(
        seen,
        cluster=cluster.name,
        since_delivery=now - last_delivery if last_delivery else None,
        since_heartbeat=now - max(own) if own else None,
    )


def judge(
    seen: AlertmanagerStatus,
    *,
    cluster: str,
    since_delivery: timedelta | None,
    since_heartbeat: timedelta | None = None,
) -> Finding:
    """What the status means. Pure."""
    stopped = since_heartbeat is not None and since_heartbeat > HEARTBEAT
    ours = [receiver for receiver in seen.receivers if receiver.ours]
    hidden = [receiver for receiver in seen.receivers if receiver.hidden]
    delivered = since_delivery is not None and since_delivery < LATELY
    found = [f"version {seen.version}" if seen.version else "answers"]
    if ours:
        found.append(f"receiver {', '.join(receiver.name for receiver in ours)} posts here")
    elif hidden:
        found.append("the addresses of its webhooks are hidden")
    else:
        found.append(f"none of its {len(seen.receivers)} receivers posts to {OUR_PATH}")
    if since_delivery is not None:
        found.append(f"last delivery {_ago(since_delivery)} ago")
    if since_heartbeat is not None:
        found.append(f"Watchdog last heard {_ago(since_heartbeat)} ago")
    silent = [receiver.name for receiver in ours if not receiver.sends_resolved]
    doubt = not delivered and not ours
    return Finding(
        cluster=cluster,
        what=WHAT,
        state=State.DEGRADED if doubt or silent or stopped else State.OK,
        found="; ".join(found),
        means=STOPPED if stopped else _meaning(doubt=doubt, silent=bool(silent)),
        do="see that Prometheus evaluates Watchdog and Alertmanager routes it here"
        if stopped
        else _advice(doubt=doubt, silent=silent),
        sees=(MEANS,),
        blind=("alerts, until they are posted here",) if doubt else (),
    )


def _meaning(*, doubt: bool, silent: bool) -> str:
    if doubt:
        return "incidents may never be opened: nothing shows that alerts are posted to Midwatch"
    return "incidents are not closed by themselves" if silent else "alerts open and close incidents"


def _advice(*, doubt: bool, silent: list[str]) -> str:
    if doubt:
        return f"add a webhook receiver for https://<midwatch>{OUR_PATH} (docs/connecting.md)"
    return f"set send_resolved: true in receiver {', '.join(silent)}" if silent else ""


def _ago(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, word in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"
