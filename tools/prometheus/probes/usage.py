"""What the pods of a workload use of CPU and memory, against what they may use, and how often they restarted.

From cAdvisor (container_*) and kube-state-metrics (kube_pod_container_*). Utilisation, saturation: Brendan Gregg's USE.
"""

from datetime import datetime

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, notes_of, ranges, seen
from tools.prometheus.client import RangeAnswer
from tools.prometheus.curve import Curve, step_for
from tools.prometheus.replicas import REPLICAS
from tools.prometheus.selector import equals, pods_of

FINEST = 30.0
"""Seconds: the scrape interval of cAdvisor in kube-prometheus."""
RATE = "2m"
"""CPU rates look back over four scrapes of 30 s."""


class UsageArgs(Value):
    """Which workload, and over which window."""

    entity: EntityId
    start: datetime
    end: datetime


class ContainerUsage(Value):
    """One container of the workload's template. Curves are None when nobody exports them."""

    container: str
    pods: Curve | None = None
    """How many pods ran it."""
    memory: Curve | None = None
    """Bytes of working set, of the pod that used most."""
    memory_all: Curve | None = None
    """Bytes of working set, all pods together."""
    memory_limit: Curve | None = None
    """Bytes a pod's container may use; the highest during a rollout that changes it."""
    memory_limit_lowest: Curve | None = None
    """Bytes; the lowest during a rollout that changes it."""
    memory_ratio: Curve | None = None
    """Use by limit of the pod that is closest to its own limit, 0..1."""
    memory_request: Curve | None = None
    cpu: Curve | None = None
    """Cores, of the pod that used most."""
    cpu_all: Curve | None = None
    """Cores, all pods together."""
    cpu_limit: Curve | None = None
    cpu_request: Curve | None = None
    throttled: Curve | None = None
    """Share of CFS periods in which it was held back, 0..1."""
    restarts: Curve | None = None
    """Restarts of all pods together, as counted by the kubelet; falls when pods are replaced."""


class UsageView(Value):
    """By container, in the order of their names."""

    entity: EntityId
    containers: tuple[ContainerUsage, ...] = ()
    available: Curve | None = None
    """Replicas that are available; None for kinds that have none."""
    desired: Curve | None = None
    """Replicas that are wanted."""


def _queries(entity: Entity) -> dict[str, str]:
    """One query per kind of figure; `stat` says which aggregation over pods a series is."""
    pods = pods_of(entity)
    own = f'{pods},container!="",container!="POD"'
    memory = f"container_memory_working_set_bytes{{{own}}}"
    cpu = f"rate(container_cpu_usage_seconds_total{{{own}}}[{RATE}])"
    resources = f'{{__name__=~"kube_pod_container_resource_(requests|limits)",resource=~"cpu|memory",{pods}}}'
    throttled = f"container_cpu_cfs_throttled_periods_total{{{own}}}[{RATE}]"
    periods = f"container_cpu_cfs_periods_total{{{own}}}[{RATE}]"
    one = "max by (namespace, pod, container)"
    limits = f'kube_pod_container_resource_limits{{{pods},resource="memory"}}'
    replicas = {"replicas": replica_stats(entity)} if entity.kind in REPLICAS else {}
    return {
        "memory": _stats(memory, "max", "sum", "count", by="container"),
        "cpu": _stats(cpu, "max", "sum", by="container"),
        "resources": _stats(resources, "max", "min", by="__name__, container, resource"),
        "throttled": f"sum by (container) (rate({throttled})) / sum by (container) (rate({periods}))",
        "ratio": f"max by (container) ({one} ({memory}) / ({one} ({limits}) > 0))",
        "restarts": f"sum by (container) (kube_pod_container_status_restarts_total{{{pods}}})",
        **replicas,
    }


def replica_stats(entity: Entity) -> str:
    """Available and desired replicas in one query, told apart by the label `stat`."""
    available, desired = REPLICAS[entity.kind]
    labels = {"namespace": entity.namespace} if entity.namespace else {}
    selector = equals({**labels, entity.kind.value: entity.name})
    parts = {"available": available, "desired": desired}
    return " or ".join(f'label_replace(max({m}{{{selector}}}), "stat", "{n}", "", "")' for n, m in parts.items())


def _stats(vector: str, *stats: str, by: str) -> str:
    """Several aggregations of one vector in one query, told apart by the label `stat`."""
    return " or ".join(f'label_replace({stat} by ({by}) ({vector}), "stat", "{stat}", "", "")' for stat in stats)


def _pick(answer: RangeAnswer, container: str, **labels: str) -> Curve | None:
    wanted = {"container": container, **labels}
    return next((c for c in answer.curves if wanted.items() <= c.labels.items()), None)


def _usage(answers: dict[str, RangeAnswer], container: str) -> ContainerUsage:
    def resource(kind: str, name: str, stat: str) -> Curve | None:
        metric = f"kube_pod_container_resource_{kind}"
        return _pick(answers["resources"], container, __name__=metric, resource=name, stat=stat)

    return ContainerUsage(
        container=container,
        pods=_pick(answers["memory"], container, stat="count"),
        memory=_pick(answers["memory"], container, stat="max"),
        memory_all=_pick(answers["memory"], container, stat="sum"),
        memory_limit=resource("limits", "memory", "max"),
        memory_limit_lowest=resource("limits", "memory", "min"),
        memory_ratio=_pick(answers["ratio"], container),
        memory_request=resource("requests", "memory", "max"),
        cpu=_pick(answers["cpu"], container, stat="max"),
        cpu_all=_pick(answers["cpu"], container, stat="sum"),
        cpu_limit=resource("limits", "cpu", "max"),
        cpu_request=resource("requests", "cpu", "max"),
        throttled=_pick(answers["throttled"], container),
        restarts=_pick(answers["restarts"], container),
    )


async def _run(cluster: Cluster, args: UsageArgs) -> Observation[UsageView]:
    entity, window = Entity.parse(args.entity), Window(start=args.start, end=args.end)
    queries = _queries(entity)
    answers = dict(await ranges(client_of(cluster), queries, window=window, step=step_for(window, finest=FINEST)))
    names = sorted({c.labels["container"] for a in answers.values() for c in a.curves if c.labels.get("container")})
    replicas = {c.labels["stat"]: c for c in answers["replicas"].curves} if "replicas" in answers else {}
    view = UsageView(
        entity=args.entity,
        containers=tuple(_usage(answers, name) for name in names),
        available=replicas.get("available"),
        desired=replicas.get("desired"),
    )
    return seen(
        cluster,
        view,
        probe=PROBE.name,
        queries=list(queries.values()),
        title=f"CPU and memory of {entity.label}",
        window=window,
        entities=(args.entity,),
        complete=any(one.memory or one.cpu for one in view.containers),
        cut=notes_of(answers),
    )


PROBE = Probe(
    name="prometheus.usage",
    source=Source.PROMETHEUS,
    describe="CPU, memory, limits, requests, CPU throttling and restarts of a workload's containers over a window.",
    args=UsageArgs,
    view=UsageView,
    run=_run,
)
