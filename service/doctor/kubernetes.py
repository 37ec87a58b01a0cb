"""Kubernetes, reading: what may be listed, which gaps that leaves, and whether the reader could change anything."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from tools.estate import Cluster
from tools.kubernetes.access import Need
from tools.kubernetes.probes import access

WHAT = "Kubernetes, reading"
MEANS = "pods, events, rollouts and logs"
ESSENTIAL = frozenset({"pods", "events", "deployments", "replicasets"})
"""Without one of these the kubernetes specialist is blind to the most frequent failures."""
SECRETS = "secrets"
"""Left out of the shipped role: whoever lists them can read their values."""
GAPS = {
    "pods": "the state of pods and containers",
    "pods/log": "logs by the Kubernetes API",
    "events": "why pods were killed, not scheduled or not started",
    "deployments": "deployments and their rollouts",
    "replicasets": "what a deploy changed, field by field",
    "controllerrevisions": "what changed in stateful sets and daemon sets",
    "nodes": "the health of nodes",
    "configmaps": "edits of ConfigMaps, and references to ones that are not there",
    SECRETS: "references to Secrets or keys that are not there, and certificates that end",
    "endpointslices": "services without endpoints",
    "resourcequotas": "quotas that refuse new pods",
    "poddisruptionbudgets": "budgets that will refuse an eviction",
    "horizontalpodautoscalers": "autoscalers at their limit",
    "persistentvolumeclaims": "volumes that do not bind",
    "networkpolicies": "network policies that cut a connection",
}
"""What is not seen without reading a resource; others are named as they are."""
WRITES: tuple[Need, ...] = (
    *(Need(verb=verb, resource="deployments", group="apps") for verb in ("create", "patch", "update", "delete")),
    *(Need(verb=verb, resource="pods") for verb in ("create", "patch", "delete")),
    Need(verb="create", resource="pods", subresource="exec"),
    Need(verb="create", resource="pods", subresource="eviction"),
    *(Need(verb=verb, resource="configmaps") for verb in ("create", "patch", "delete")),
    *(Need(verb=verb, resource="secrets") for verb in ("create", "patch", "delete")),
    *(Need(verb=verb, resource="nodes") for verb in ("patch", "delete")),
    Need(verb="delete", resource="namespaces"),
    Need(verb="create", resource="clusterrolebindings", group="rbac.authorization.k8s.io"),
    Need(verb="impersonate", resource="users"),
)
"""Examples of changes; a reader that may do one of these has more than reading needs."""


class KubernetesView(Value):
    """What the read credentials may do."""

    version: str
    user: str
    denied: tuple[str, ...]
    """`list nodes`, `get pods/log in shop`."""
    blind: tuple[str, ...]
    """Resources of which something is denied, with their subresource."""
    writes: tuple[str, ...]
    secrets: bool
    server_time: datetime | None = None


def reading_needs() -> tuple[Need, ...]:
    """Each resource that probes read, by each verb that reads it; subresources are got."""
    plain = {(n.resource, n.group): n for n in access.READS if not n.subresource}
    subs = [need for need in access.READS if need.subresource]
    verbs = ("get", "list", "watch")
    return (*(need.model_copy(update={"verb": verb}) for need in plain.values() for verb in verbs), *subs)


async def look(cluster: Cluster) -> KubernetesView:
    """Ask the API server. Raises ToolError."""
    needs = (*reading_needs(), *WRITES)
    seen = (await access.run(cluster, access.AccessWanted(needs=needs))).view
    reads = [grant for grant in seen.grants if grant.need not in WRITES]
    denied = [grant for grant in reads if not grant.allowed]
    writes = [grant for grant in seen.grants if grant.need in WRITES and grant.allowed]
    date = cluster.kubernetes.date if cluster.kubernetes else ""
    return KubernetesView(
        version=seen.version,
        user=seen.user,
        denied=tuple(_words(g.need, g.namespace) for g in denied if g.need.resource != SECRETS),
        blind=tuple(dict.fromkeys(_resource(g.need) for g in denied if g.need.verb != "watch")),
        writes=tuple(dict.fromkeys(_words(g.need, g.namespace) for g in writes)),
        secrets=any(g.allowed for g in reads if g.need.resource == SECRETS),
        server_time=parsedate_to_datetime(date) if date else None,
    )


async def check(cluster: Cluster) -> tuple[KubernetesView | None, Finding]:
    """The row."""
    if cluster.kubernetes is None:
        return None, unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="kubernetes")
    seen = await attempt(look(cluster))
    if isinstance(seen, Trouble):
        return None, troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="kubernetes")
    return seen, judge(seen, cluster=cluster.name)


def judge(seen: KubernetesView, *, cluster: str) -> Finding:
    """What the view means. Pure."""
    essential = sorted(ESSENTIAL & set(seen.blind))
    gaps = tuple(GAPS.get(name, name) for name in seen.blind)
    state = State.FAILED if essential else State.DEGRADED if seen.denied or seen.writes else State.OK
    found, do = [f"Kubernetes {seen.version}" + (f" as {seen.user}" if seen.user else "")], []
    if seen.denied:
        found.append(f"not allowed: {listed(seen.denied)}")
        do.append("apply the reader's role from deploy/kubernetes/rbac.yaml")
    if seen.writes:
        found.append(f"may change things: {listed(seen.writes)}")
        do.append("take those permissions from the reader: it only ever reads")
    return Finding(
        cluster=cluster,
        what=WHAT,
        state=state,
        found="; ".join(found),
        means=_meaning(seen, essential, gaps),
        do="; ".join(do),
        sees=tuple(text for name, text in GAPS.items() if name not in seen.blind),
        blind=gaps,
    )


def _meaning(seen: KubernetesView, essential: list[str], gaps: tuple[str, ...]) -> str:
    if essential:
        return f"most causes cannot be found: {', '.join(essential)} cannot be read"
    parts = []
    if gaps:
        parts.append(f"not seen: {listed(gaps)}")
    if seen.writes:
        parts.append("whoever takes over a worker could change the estate")
    if seen.secrets:
        parts.append("the reader can read Secrets (only their names and keys are used)")
    return "; ".join(parts) or "everything that the probes ask for can be read"


def listed(items: tuple[str, ...] | list[str], *, most: int = 6) -> str:
    """The first few, and how many more."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def _resource(need: Need) -> str:
    return f"{need.resource}/{need.subresource}" if need.subresource else need.resource


def _words(need: Need, place: str | None) -> str:
    return f"{need.text} in {place}" if place else need.text
