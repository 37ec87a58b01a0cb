"""The control plane as far as its own API shows it: version, health checks, leases of the leaders."""

from datetime import datetime, timedelta

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.errors import ToolError
from tools.estate import Cluster
from tools.kubernetes.control_plane import Component, ControlPlane
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.resources import LEASES
from tools.kubernetes.scope import ClusterWide, Found, Where, client_of, list_in
from tools.probe import Observation, Probe

LEADERS = ("kube-scheduler", "kube-controller-manager")
STALE = timedelta(seconds=60)
"""A leader renews its lease every 2 s and loses it after 15 s; four times that is no hiccup."""


async def run(cluster: Cluster, _: ClusterWide) -> Observation[ControlPlane]:
    """Look at /version, /readyz and the leaders' leases. Raises ToolError when not even the version answers."""
    async with parallel() as group:
        version = group.create_task(client_of(cluster).version())
        checks = group.create_task(_checks(cluster))
        leases = group.create_task(permitted(list_in(cluster, LEASES, Where(namespace="kube-system"))))
    beats, health = leases.result(), checks.result()
    components = list(health) if not isinstance(health, str) else []
    if not isinstance(beats, str):
        components += [_leader(item, cluster.clock.now()) for item in beats.items if _leads(item)]
    missing = "; ".join(text for text in (health, beats) if isinstance(text, str))
    return observed(
        cluster,
        ControlPlane(version=version.result(), components=tuple(components), incomplete=missing),
        probe=PROBE.name,
        title="control plane",
        where=Where(),
        found=[
            Found(items=(), requests=("GET /version", "GET /readyz?verbose")),
            *([] if isinstance(beats, str) else [beats]),
        ],
        entities=[entity_id(cluster.name, EntityKind.CLUSTER, cluster.name)],
        cut=missing or None,
    )


async def _checks(cluster: Cluster) -> tuple[Component, ...] | str:
    """One component per check of /readyz; a failing server answers 500 with the same list."""
    try:
        text = await client_of(cluster).text("/readyz", query={"verbose": "true"})
    except ToolError as error:
        text = str(error)
        if "[-]" not in text:
            return text
    return tuple(_check(line) for line in text.splitlines() if line.startswith(("[+]", "[-]")))


def _check(line: str) -> Component:
    name, _, detail = line[3:].partition(" ")
    return Component(name=name, healthy=line.startswith("[+]"), detail="" if line.startswith("[+]") else detail)


def _leads(lease: Document) -> bool:
    return lease.word("metadata", "name") in LEADERS


def _leader(lease: Document, now: datetime) -> Component:
    renewed = lease.moment("spec", "renewTime")
    healthy = renewed is not None and now - renewed < STALE
    return Component(
        name=lease.word("metadata", "name"),
        healthy=healthy,
        detail="" if healthy else "its leader does not renew the lease",
        since=renewed,
    )


PROBE = Probe(
    name="kubernetes.control_plane",
    source=Source.KUBERNETES,
    describe="Version and health checks of the API server, and whether scheduler and controller manager are alive. "
    "Ask when nothing is scheduled, scaled or created any more.",
    args=ClusterWide,
    view=ControlPlane,
    run=run,
)
