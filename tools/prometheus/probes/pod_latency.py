"""How long each pod of a workload takes, beside its siblings, and on which node it runs."""

from datetime import datetime

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, notes_of, ranges, seen
from tools.prometheus.convention import find
from tools.prometheus.curve import Curve, step_for
from tools.prometheus.selector import equals, pod_pattern, quoted

PODS = ("pod", "k8s_pod_name", "pod_name")
"""Labels by which request metrics name the pod that they are from."""


class PodLatencyArgs(Value):
    """Whose pods, and over which window."""

    entity: EntityId
    start: datetime
    end: datetime


class PodLatency(Value):
    """One pod. `p50` in seconds: the median tells a slow pod from one that has had a few slow requests."""

    pod: str
    node: str | None = None
    """None when nobody exports where pods run."""
    p50: Curve


class PodLatencyView(Value):
    """The pods of one workload that serve requests; empty when their metrics name no pods."""

    entity: EntityId
    pods: tuple[PodLatency, ...] = ()


async def _run(cluster: Cluster, args: PodLatencyArgs) -> Observation[PodLatencyView]:
    client, entity = client_of(cluster), Entity.parse(args.entity)
    window = Window(start=args.start, end=args.end)
    metrics = await find(client, entity, window=window)
    queries = {"places": f"max by (pod, node) (kube_pod_info{{{_pods_of(entity)}}})"}
    if metrics is not None:
        queries["p50"] = metrics.quantile(0.5, by=PODS)
    step = step_for(window, finest=metrics.interval if metrics else 60.0)
    answers = await ranges(client, queries, window=window, step=step)
    places = {curve.labels.get("pod", ""): curve.labels.get("node") for curve in answers["places"].curves}
    found = [(_name(curve), curve) for curve in answers["p50"].curves] if "p50" in answers else []
    pods = [PodLatency(pod=name, node=places.get(name), p50=curve) for name, curve in found if name]
    return seen(
        cluster,
        PodLatencyView(entity=args.entity, pods=tuple(sorted(pods, key=lambda one: one.pod))),
        probe=PROBE.name,
        queries=list(queries.values()),
        title=f"latency of each pod of {entity.label}",
        window=window,
        entities=(args.entity,) if pods else (),
        complete=bool(pods),
        cut=notes_of(answers),
    )


def _pods_of(entity: Entity) -> str:
    space = equals({"namespace": entity.namespace}) + "," if entity.namespace else ""
    return f"{space}pod=~{quoted(pod_pattern(entity))}"


def _name(curve: Curve) -> str:
    return next((curve.labels[label] for label in PODS if curve.labels.get(label)), "")


PROBE = Probe(
    name="prometheus.pod_latency",
    source=Source.PROMETHEUS,
    describe="Median latency of every pod of a workload over a window, and the node that each runs on. Ask when a "
    "workload is slow, to tell one slow pod or one slow node from all being slow.",
    args=PodLatencyArgs,
    view=PodLatencyView,
    run=_run,
)
