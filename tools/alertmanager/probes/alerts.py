"""What else Alertmanager holds right now, silenced and inhibited alerts included."""

from incidents.evidence import Source
from incidents.value import Value
from tools.alertmanager.client import SYSTEM, ActiveAlert
from tools.estate import Cluster
from tools.observing import configured, observed
from tools.probe import Observation, Probe

MOST_ALERTS = 100


class AlertsArgs(Value):
    """Only this namespace, when one is given; alerts without a namespace (nodes, the control plane) always count."""

    namespace: str | None = None


class AlertsView(Value):
    """The alerts, oldest first, at most MOST_ALERTS."""

    alerts: tuple[ActiveAlert, ...]


async def _run(cluster: Cluster, args: AlertsArgs) -> Observation[AlertsView]:
    client = configured(cluster.alertmanager, system=SYSTEM, cluster=cluster.name)
    alerts = sorted(await client.alerts(), key=lambda alert: (alert.starts_at, alert.fingerprint))
    here = [a for a in alerts if args.namespace is None or a.labels.get("namespace", args.namespace) == args.namespace]
    return observed(
        AlertsView(alerts=tuple(here[:MOST_ALERTS])),
        probe=PROBE.name,
        source=Source.ALERTMANAGER,
        query=client.describe_alerts(),
        at=cluster.clock.now(),
        title="active alerts" + (f" of {args.namespace}" if args.namespace else ""),
        complete=False,
        cut=f"the oldest {MOST_ALERTS} of {len(here)} alerts" if len(here) > MOST_ALERTS else None,
        link=client.link(),
    )


PROBE = Probe(
    name="alertmanager.alerts",
    source=Source.ALERTMANAGER,
    describe="All alerts that are firing now, with since when, and whether they are silenced or inhibited.",
    args=AlertsArgs,
    view=AlertsView,
    run=_run,
)
