"""Whether the system services that a node lives by run, by node_exporter's systemd collector, where it is on."""

from datetime import datetime

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import client_of, notes_of, ranges, seen
from tools.prometheus.curve import Curve, step_for

FINEST = 30.0
"""Seconds: the scrape interval of node_exporter in kube-prometheus."""
ROLES = {
    "kubelet": "kubelet|k3s|k3s-agent|rke2-agent|rke2-server",
    "runtime": "containerd|docker|dockerd|crio|cri-o|cri-docker",
    "proxy": "kube-proxy|kube-router",
    "scheduler": "kube-scheduler",
    "control_plane": "kube-apiserver|kube-controller-manager|etcd",
    "dns": "systemd-resolved|dnsmasq|coredns",
}
"""Role -> names of the units that play it, as the usual installers call them."""
MOST_UNITS = 24
"""Units that do not run, of which one evidence body holds the curves."""


class UnitsArgs(Value):
    """Over which window."""

    start: datetime
    end: datetime


class Unit(Value):
    """One unit that does not run at the end of the window."""

    node: str
    unit: str
    role: str
    active: Curve
    """1 while it ran, 0 while it did not."""


class UnitsView(Value):
    """Units that do not run; `watched` says of how many it is known."""

    stopped: tuple[Unit, ...] = ()
    watched: int = 0


_NAMES = "|".join(ROLES.values())
QUERY = f'max by (instance, node, name) (node_systemd_unit_state{{state="active",name=~"(?:{_NAMES})\\\\.service"}})'


def _node(curve: Curve) -> str:
    return curve.labels.get("node") or curve.labels.get("instance", "").rsplit(":", 1)[0]


def _role(unit: str) -> str:
    return next((role for role, names in ROLES.items() if unit in names.split("|")), "")


def _stopped(curve: Curve) -> bool:
    known = [value for value in curve.values if value is not None]
    return bool(known) and not known[-1]


def _unit(curve: Curve) -> Unit:
    name = curve.labels.get("name", "").removesuffix(".service")
    return Unit(node=_node(curve), unit=name, role=_role(name), active=curve.model_copy(update={"labels": {}}))


async def _run(cluster: Cluster, args: UnitsArgs) -> Observation[UnitsView]:
    window = Window(start=args.start, end=args.end)
    answers = dict(
        await ranges(client_of(cluster), {"units": QUERY}, window=window, step=step_for(window, finest=FINEST))
    )
    curves = answers["units"].curves
    stopped = tuple(_unit(curve) for curve in curves if _stopped(curve))
    left_out = f"{len(stopped) - MOST_UNITS} more units do not run" if len(stopped) > MOST_UNITS else None
    return seen(
        cluster,
        UnitsView(stopped=stopped[:MOST_UNITS], watched=len(curves)),
        probe=PROBE.name,
        queries=[QUERY],
        title="system services of the nodes",
        window=window,
        complete=bool(curves),
        cut="; ".join(part for part in (left_out, notes_of(answers)) if part) or None,
    )


PROBE = Probe(
    name="prometheus.units",
    source=Source.PROMETHEUS,
    describe="Whether kubelet, container runtime, kube-proxy and the control plane's services run on the nodes, where "
    "they are systemd units. Ask when a node or connections from a node are in trouble.",
    args=UnitsArgs,
    view=UnitsView,
    run=_run,
)
