"""Whether Prometheus can scrape a workload's pods: a target that is down makes every figure of it a memory."""

from datetime import datetime

from incidents.entity import Entity
from incidents.evidence import Source
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, seen
from tools.prometheus.client import Target
from tools.prometheus.selector import pod_pattern, quoted

MOST_TARGETS = 50


class TargetsArgs(Value):
    """Whose targets, and when."""

    entity: EntityId
    at: datetime


class TargetView(Value):
    """One target of the workload."""

    instance: str
    job: str
    pod: str
    up: bool
    error: str = ""
    """Why the last scrape failed, when it did."""


class TargetsView(Value):
    """The targets, at most MOST_TARGETS."""

    entity: EntityId
    targets: tuple[TargetView, ...] = ()


async def _run(cluster: Cluster, args: TargetsArgs) -> Observation[TargetsView]:
    client, entity = client_of(cluster), Entity.parse(args.entity)
    space = f"namespace={quoted(entity.namespace)}," if entity.namespace else ""
    query = f"up{{{space}pod=~{quoted(pod_pattern(entity))}}}"
    answer = await client.query(query, at=args.at, most=MOST_TARGETS)
    down = any(sample.value == 0 for sample in answer.samples)
    errors = _errors(await client.targets()) if down else {}
    targets = tuple(
        TargetView(
            instance=sample.labels.get("instance", ""),
            job=sample.labels.get("job", ""),
            pod=sample.labels.get("pod", ""),
            up=sample.value == 1,
            error=errors.get(sample.labels.get("instance", ""), "") if sample.value == 0 else "",
        )
        for sample in answer.samples
    )
    return seen(
        cluster,
        TargetsView(entity=args.entity, targets=targets),
        probe=PROBE.name,
        queries=[query],
        title=f"scrape targets of {entity.label}",
        entities=(args.entity,),
        complete=bool(targets),
        cut="; ".join(answer.notes) or None,
    )


def _errors(targets: tuple[Target, ...]) -> dict[str, str]:
    """The last error by instance."""
    return {target.labels.get("instance", ""): target.last_error for target in targets if target.last_error}


PROBE = Probe(
    name="prometheus.targets",
    source=Source.PROMETHEUS,
    describe="Whether Prometheus reaches the pods of a workload, and why not.",
    args=TargetsArgs,
    view=TargetsView,
    run=_run,
)
