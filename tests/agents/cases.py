"""Building case files in tests: a small estate, facts said in one line, and causes written as runbooks."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from agents.runbooks.library import Library
from agents.runbooks.parser import parse
from incidents.alert import Alert, AlertStatus, Severity
from incidents.casefile import CaseFile
from incidents.entity import Entity, EntityKind
from incidents.evidence import Evidence, Source
from incidents.fact import Fact, FactRole, fact_id
from incidents.incident import Incident, Phase
from incidents.topology import Edge, Relation, Topology

ONSET = datetime(2026, 11, 17, 2, 35, tzinfo=UTC)
NOW = ONSET + timedelta(minutes=12)
CLUSTER = "prod-eu"
SYMPTOMS = ("errors", "latency", "upstream", "metric", "alert")
STATES = ("hpa", "cost", "argocd", "quota", "pdb")
KIND_ROLES = {
    "container.crash_loop": FactRole.SYMPTOM,
    "workload.unavailable": FactRole.SYMPTOM,
    "pod.pending": FactRole.SYMPTOM,
    "traffic.surge": FactRole.CHANGE,
    "memory.used_before": FactRole.STATE,
    "service.selector_mismatch": FactRole.STATE,
    "dependency.healthy": FactRole.CLEARED,
    "estate.healthy": FactRole.CLEARED,
    "change.after_onset": FactRole.CLEARED,
    "change.none": FactRole.CLEARED,
}


def entity(text: str) -> str:
    """`checkout`, `node/worker-2`, `cart/service` ... as an id in the test cluster and namespace `shop`."""
    kind, _, name = text.partition("/") if "/" in text else ("", "", text)
    kind = kind or "deployment"
    namespace = None if kind in ("node", "cluster", "namespace", "external", "repository") else "shop"
    return Entity(cluster=CLUSTER, namespace=namespace, kind=EntityKind(kind), name=name).id


def role_of(kind: str) -> FactRole:
    domain = kind.partition(".")[0]
    if kind in KIND_ROLES:
        return KIND_ROLES[kind]
    if domain in ("change", "rollback"):
        return FactRole.CHANGE
    if domain in SYMPTOMS:
        return FactRole.SYMPTOM
    return FactRole.STATE if domain in STATES else FactRole.MECHANISM


def evidence(query: str = "pods") -> Evidence:
    return Evidence.of(
        probe="kubernetes.pods", source=Source.KUBERNETES, query=query, observed_at=NOW, body="{}", title=query
    )


def fact(
    kind: str,
    at: float | None = 0,
    *,
    of: str = "checkout",
    text: str = "",
    until: float | None = None,
    strength: float = 1.0,
    related: Iterable[str] = (),
    role: FactRole | None = None,
    **attributes: str | float | bool,
) -> Fact:
    """A fact, `at` in minutes after the onset; None for no time."""
    moment = None if at is None else ONSET + timedelta(minutes=at)
    about = entity(of)
    seen = evidence(f"{kind} of {of} at {at}")
    return Fact(
        id=fact_id(kind=kind, entity=about, at=moment, attributes=attributes),
        kind=kind,
        role=role or role_of(kind),
        entity=about,
        at=moment,
        until=None if until is None else ONSET + timedelta(minutes=until),
        text=text or f"{kind} at {of}",
        attributes=attributes,
        related=tuple(entity(name) for name in related),
        evidence=(seen.id,),
        detector="test",
        strength=strength,
    )


CALLS = (
    ("web", "checkout"),
    ("mobile-api", "checkout"),
    ("checkout", "payments"),
    ("web", "cart"),
    ("payments", "bank"),
)
NODES = {"checkout": "worker-1", "payments": "worker-2", "cart": "worker-2", "web": "worker-3", "bank": "worker-3"}


def topology() -> Topology:
    edges = [Edge(source=entity(a), relation=Relation.CALLS, target=entity(b)) for a, b in CALLS]
    for name, node in NODES.items():
        pod = entity(f"pod/{name}-1")
        edges += [
            Edge(source=entity(name), relation=Relation.OWNS, target=pod),
            Edge(source=pod, relation=Relation.RUNS_ON, target=entity(f"node/{node}")),
            Edge(source=entity(f"service/{name}"), relation=Relation.SELECTS, target=entity(name)),
        ]
    return Topology.of(edges)


INVENTORY = frozenset(
    entity(name)
    for name in (
        *("web", "mobile-api", "checkout", "payments", "cart", "bank", "service/checkout", "service/payments"),
        *(
            "node/worker-1",
            "node/worker-2",
            "node/worker-3",
            f"cluster/{CLUSTER}",
            "namespace/shop",
            "external/api.bank",
        ),
    )
)


def case(
    *facts: Fact,
    alerts: Iterable[str] = ("CheckoutErrors",),
    at: Iterable[str] = ("checkout",),
    covered: Iterable[str] = (),
    inventory: Iterable[str] | None = None,
    calls: bool = True,
    round_: int = 1,
) -> CaseFile:
    """A case: `covered` as `kind@name`."""
    where = tuple(entity(name) for name in at)
    return CaseFile(
        incident=Incident(
            id="inc-test00000000",
            title="Checkout returns 5xx",
            severity=Severity.SEV1,
            phase=Phase.INVESTIGATING,
            cluster=CLUSTER,
            entities=where,
            opened_at=NOW,
            started_at=ONSET + timedelta(minutes=2),
            graph_version="1",
        ),
        alerts=tuple(alert(name) for name in alerts),
        focus=where,
        onset=ONSET,
        topology=topology() if calls else Topology(),
        inventory=INVENTORY if inventory is None else frozenset(entity(name) for name in inventory),
        evidence=tuple(evidence(f"{f.kind} of x at y") for f in facts),
        facts=facts,
        covered=frozenset(
            f"{kind}@{entity(name)}" if name else kind for kind, _, name in (text.partition("@") for text in covered)
        ),
        round=round_,
    )


def alert(name: str, **labels: str) -> Alert:
    return Alert(
        fingerprint="00112233aabbccdd",
        status=AlertStatus.FIRING,
        labels={"alertname": name, **labels},
        starts_at=ONSET + timedelta(minutes=2),
    )


def library(**causes: str) -> Library:
    """Causes from front matter without its `cause:` and `title:` lines; scope workload unless it says otherwise."""
    runbooks = []
    for slug, text in causes.items():
        scope = "" if "scope:" in text else "scope: workload\n"
        parsed = parse(f"---\ntitle: {slug.replace('_', ' ')}\ncause: {slug}\n{scope}{text}---\n", path=f"{slug}.md")
        assert parsed.runbook, [str(problem) for problem in parsed.problems]
        runbooks.append(parsed.runbook)
    return Library.of(runbooks)


LIBRARY = library(
    memory_limit_too_low=(
        "alerts: [KubePodCrashLooping]\nfacts:\n  must: [container.oom_killed]\n"
        "  likely:\n    - change.memory_limit_lowered: 2\n    - memory.at_limit\n    - memory.used_before\n"
        "  never: [node.memory_pressure, memory.growing]\n"
        "actions:\n  - rollback_workload\n  - set_resources: {memory_limit: 1.3 x memory.at_limit.peak}\n"
        "success: [alert_resolved, workload_available]\nmust_not_worsen: [latency_p99, error_rate]\n"
    ),
    memory_leak="facts:\n  must: [container.oom_killed | memory.at_limit, memory.growing]\n  never: [change.memory_limit_lowered]\n",
    bad_code_deploy=(
        "facts:\n  must: [change.image_changed | change.code, errors.elevated | latency.elevated]\n"
        "  likely: [log.new_pattern, container.exited_error]\n  never: [container.oom_killed, container.image_pull_failed]\n"
        "actions: [rollback_workload]\nsuccess: [error_rate]\n"
    ),
    image_missing="facts:\n  must: [container.image_pull_failed]\n  likely: [change.image_changed]\nactions: [rollback_workload]\n",
    dependency_outage="facts:\n  must: [dependency.errors]\n  likely: [workload.unavailable, log.error_class]\n",
    external_outage="scope: external\nfacts:\n  must: [dependency.errors]\n",
    node_memory_pressure="scope: node\nfacts:\n  must: [node.memory_pressure]\n  likely: [pod.evicted]\nactions: [cordon_node]\n",
    selector_mismatch="scope: service\nfacts:\n  must: [service.selector_mismatch]\n  likely: [service.no_endpoints, change.selector_changed]\n",
    traffic_surge="facts:\n  must: [traffic.surge]\n  likely: [saturation.cpu_throttled, hpa.at_max]\nactions:\n  - scale_workload: {replicas: 2 x hpa.at_max.max}\n",
    idle="alerts: [WorkloadIdle]\nfacts:\n  must: [cost.idle]\n",
)
