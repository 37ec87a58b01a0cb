"""Which workloads there are, by kube-state-metrics: so that the names of telemetry can be told apart and resolved."""

from datetime import datetime

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, seen
from tools.prometheus.client import Sample

MOST_WORKLOADS = 2000
"""Workloads of one cluster that are read; their ids fit into one evidence body."""
KINDS = (EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET)
_METRICS = "kube_deployment_spec_replicas|kube_statefulset_replicas|kube_daemonset_status_desired_number_scheduled"
QUERY = f'group by (namespace, deployment, statefulset, daemonset) ({{__name__=~"{_METRICS}"}})'


class WorkloadsArgs(Value):
    """When."""

    at: datetime


class WorkloadsView(Value):
    """Ids of workloads, sorted."""

    workloads: tuple[EntityId, ...]


def _workload(sample: Sample, *, cluster: str) -> EntityId | None:
    for kind in KINDS:
        if name := sample.labels.get(kind.value):
            return Entity(cluster=cluster, namespace=sample.labels.get("namespace"), kind=kind, name=name).id
    return None


async def _run(cluster: Cluster, args: WorkloadsArgs) -> Observation[WorkloadsView]:
    answer = await client_of(cluster).query(QUERY, at=args.at, most=MOST_WORKLOADS)
    found = {_workload(sample, cluster=cluster.name) for sample in answer.samples}
    return seen(
        cluster,
        WorkloadsView(workloads=tuple(sorted(entity for entity in found if entity is not None))),
        probe=PROBE.name,
        queries=[QUERY],
        title="workloads by kube-state-metrics",
        complete=False,
        cut="; ".join(answer.notes) or None,
    )


PROBE = Probe(
    name="prometheus.workloads",
    source=Source.PROMETHEUS,
    describe="Names of the deployments, statefulsets and daemonsets of the cluster, as kube-state-metrics has them.",
    args=WorkloadsArgs,
    view=WorkloadsView,
    run=_run,
)
