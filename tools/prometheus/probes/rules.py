"""What an alert means by its own rule: the expression, how long it has to hold, and whether the rule itself works."""

from incidents.evidence import Source
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, seen
from tools.prometheus.client import AlertingRule


class RulesArgs(Value):
    """Names of alerts."""

    alerts: tuple[str, ...]


class RulesView(Value):
    """The rules of those names; several rules may share a name."""

    rules: tuple[AlertingRule, ...] = ()


async def _run(cluster: Cluster, args: RulesArgs) -> Observation[RulesView]:
    client = client_of(cluster)
    rules = tuple(rule for rule in await client.alerting_rules() if rule.name in args.alerts)
    return seen(
        cluster,
        RulesView(rules=rules),
        probe=PROBE.name,
        queries=["GET /api/v1/rules?type=alert"],
        title=f"rules of {', '.join(args.alerts)}",
        complete=False,
    )


PROBE = Probe(
    name="prometheus.rules",
    source=Source.PROMETHEUS,
    describe="The expression, duration and health of alerting rules by alert name.",
    args=RulesArgs,
    view=RulesView,
    run=_run,
)
