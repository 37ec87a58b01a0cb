"""How full persistent volume claims are, in bytes and inodes, by what the kubelet reports."""

from datetime import datetime

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import by_label, client_of, notes_of, ranges, seen
from tools.prometheus.curve import Curve, step_for
from tools.prometheus.selector import equals

FINEST = 60.0
"""Seconds: the kubelet measures volumes once a minute (volumeStatsAggPeriod)."""
METRICS = {
    "used": "kubelet_volume_stats_used_bytes",
    "capacity": "kubelet_volume_stats_capacity_bytes",
    "inodes_used": "kubelet_volume_stats_inodes_used",
    "inodes": "kubelet_volume_stats_inodes",
}


class VolumesArgs(Value):
    """The namespace whose claims are looked at, and the window."""

    cluster: str
    namespace: str
    start: datetime
    end: datetime


class VolumeUse(Value):
    """One claim."""

    claim: EntityId
    used: Curve
    """Bytes."""
    capacity: Curve | None = None
    """Bytes."""
    inodes_used: Curve | None = None
    inodes: Curve | None = None


class VolumesView(Value):
    """The claims of one namespace, in the order of their names."""

    volumes: tuple[VolumeUse, ...] = ()


async def _run(cluster: Cluster, args: VolumesArgs) -> Observation[VolumesView]:
    window = Window(start=args.start, end=args.end)
    matchers = equals({"namespace": args.namespace})
    queries = {name: f"max by (persistentvolumeclaim) ({metric}{{{matchers}}})" for name, metric in METRICS.items()}
    answers = await ranges(client_of(cluster), queries, window=window, step=step_for(window, finest=FINEST))
    found = {name: by_label(answer, "persistentvolumeclaim") for name, answer in answers.items()}
    volumes = tuple(
        VolumeUse(
            claim=Entity(cluster=args.cluster, namespace=args.namespace, kind=EntityKind.PVC, name=name).id,
            used=curve,
            capacity=found["capacity"].get(name),
            inodes_used=found["inodes_used"].get(name),
            inodes=found["inodes"].get(name),
        )
        for name, curve in sorted(found["used"].items())
    )
    return seen(
        cluster,
        VolumesView(volumes=volumes),
        probe=PROBE.name,
        queries=list(queries.values()),
        title=f"volumes of {args.namespace}",
        window=window,
        entities=tuple(volume.claim for volume in volumes),
        cut=notes_of(answers),
    )


PROBE = Probe(
    name="prometheus.volumes",
    source=Source.PROMETHEUS,
    describe="Used and total bytes and inodes of a namespace's persistent volume claims over a window.",
    args=VolumesArgs,
    view=VolumesView,
    run=_run,
)
