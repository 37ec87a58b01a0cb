"""How nodes do by their own exporter (node_exporter): CPU, memory, disks, network, connection table, clock."""

from collections.abc import Iterable
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

FINEST = 60.0
"""Seconds: nodes change slowly, and there may be many."""
_DISKS = 'fstype!~"tmpfs|overlay|squashfs|ramfs|iso9660"'
_WIRES = 'device!~"lo|veth.*|cali.*|cni.*|docker.*|flannel.*"'

_BY = "by (instance, node)"

QUERIES = {
    "names": "max by (instance, node, nodename) (node_uname_info)",
    "cpu": '1 - avg by (instance, node) (rate(node_cpu_seconds_total{mode="idle"}[4m]))',
    "memory": f"min {_BY} (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
    "disk": f"min {_BY} (node_filesystem_avail_bytes{{{_DISKS}}} / node_filesystem_size_bytes{{{_DISKS}}})",
    "inodes": f"min {_BY} (node_filesystem_files_free{{{_DISKS}}} / node_filesystem_files{{{_DISKS}}})",
    "errors": f"sum by (instance, node) (rate(node_network_receive_errs_total{{{_WIRES}}}[4m])"
    f" + rate(node_network_transmit_errs_total{{{_WIRES}}}[4m]))",
    "retransmits": f"sum {_BY} (rate(node_netstat_Tcp_RetransSegs[4m]))",
    "conntrack": "max by (instance, node) (node_nf_conntrack_entries / node_nf_conntrack_entries_limit)",
    "clock": "max by (instance, node) (abs(node_timex_offset_seconds))",
}


class NodesArgs(Value):
    """Which nodes (by name; none means those that are there, up to MOST_NODES), over which window."""

    nodes: tuple[EntityId, ...] = ()
    start: datetime
    end: datetime


MOST_NODES = 12
"""Nodes whose nine series fit into one evidence body."""


class NodeUse(Value):
    """One node. Curves are None when its exporter does not say."""

    node: str
    cpu: Curve | None = None
    """Share of all cores that is busy, 0..1."""
    memory_available: Curve | None = None
    """Share, 0..1."""
    disk_available: Curve | None = None
    """Share of the fullest file system, 0..1."""
    inodes_available: Curve | None = None
    """Share of the file system with the fewest, 0..1."""
    network_errors: Curve | None = None
    """Packets per second."""
    retransmits: Curve | None = None
    """TCP segments that were sent again, per second."""
    conntrack: Curve | None = None
    """Share of the connection table that is used, 0..1."""
    clock_offset: Curve | None = None
    """Seconds."""


class NodesView(Value):
    """By node, in the order of their names."""

    nodes: tuple[NodeUse, ...] = ()


def _node_names(answers: Iterable[RangeAnswer]) -> dict[str, str]:
    """Name of the node by exporter instance: what a label says, or else the instance's host."""
    found: dict[str, str] = {}
    for curve in (curve for answer in answers for curve in answer.curves):
        instance = curve.labels.get("instance", "")
        named = curve.labels.get("node") or curve.labels.get("nodename")
        found[instance] = named or found.get(instance) or instance.rsplit(":", 1)[0]
    return found


def _of(answer: RangeAnswer, node: str, names: dict[str, str]) -> Curve | None:
    for curve in answer.curves:
        instance = curve.labels.get("instance", "")
        if node in (curve.labels.get("node"), names.get(instance), instance, instance.rsplit(":", 1)[0]):
            return curve
    return None


def _use(answers: dict[str, RangeAnswer], node: str, names: dict[str, str]) -> NodeUse:
    return NodeUse(
        node=node,
        cpu=_of(answers["cpu"], node, names),
        memory_available=_of(answers["memory"], node, names),
        disk_available=_of(answers["disk"], node, names),
        inodes_available=_of(answers["inodes"], node, names),
        network_errors=_of(answers["errors"], node, names),
        retransmits=_of(answers["retransmits"], node, names),
        conntrack=_of(answers["conntrack"], node, names),
        clock_offset=_of(answers["clock"], node, names),
    )


async def _run(cluster: Cluster, args: NodesArgs) -> Observation[NodesView]:
    window = Window(start=args.start, end=args.end)
    answers = dict(await ranges(client_of(cluster), QUERIES, window=window, step=step_for(window, finest=FINEST)))
    names = _node_names(answers.values())
    asked = [Entity.parse(node).name for node in args.nodes]
    chosen = asked or sorted(name for name in set(names.values()) if name)
    uses = tuple(_use(answers, node, names) for node in chosen[:MOST_NODES])
    known = tuple(use for use in uses if use.cpu or use.memory_available or use.disk_available or use.retransmits)
    left_out = f"{len(chosen) - MOST_NODES} more nodes" if len(chosen) > MOST_NODES else None
    ids = tuple(Entity.parse(node).id for node in args.nodes if Entity.parse(node).name in {use.node for use in known})
    return seen(
        cluster,
        NodesView(nodes=known),
        probe=PROBE.name,
        queries=list(QUERIES.values()),
        title="nodes: CPU, memory, disks, network",
        window=window,
        entities=ids,
        complete=bool(known),
        cut="; ".join(part for part in (left_out, notes_of(answers)) if part) or None,
    )


PROBE = Probe(
    name="prometheus.nodes",
    source=Source.PROMETHEUS,
    describe="CPU, memory, disk, inodes, network errors, connection table and clock offset of nodes over a window.",
    args=NodesArgs,
    view=NodesView,
    run=_run,
)
