"""What was seen around a workload: nodes, quotas, autoscaler, budget, revisions, connections behind it. Pure.

None means that nobody looked (or may look): then nothing is said about it, and the card says so.
"""

from collections.abc import Sequence
from functools import partial
from statistics import median

from incidents.entity import Entity
from incidents.evidence import Evidence
from incidents.ids import EntityId, EvidenceId
from incidents.value import Value
from orchestrator.twin.reading import newest
from tools.kubernetes.autoscaler import Autoscaler, Autoscalers
from tools.kubernetes.disruption_budget import DisruptionBudget, DisruptionBudgets
from tools.kubernetes.node import Node, Nodes
from tools.kubernetes.pod import Pod, Pods
from tools.kubernetes.probes.template_refs import TemplateRefs
from tools.kubernetes.quota import Quota, Quotas
from tools.kubernetes.revision import Rollout, Rollouts
from tools.prometheus.probes.wide import WideView

PROBES = (
    "kubernetes.nodes",
    "kubernetes.quotas",
    "kubernetes.autoscalers",
    "kubernetes.disruption_budgets",
    "kubernetes.pods",
    "kubernetes.revisions",
    "kubernetes.template_refs",
    "prometheus.wide",
)
"""Whose observations tell of the neighbourhood."""
OPENED_BY_CLIENT = (
    "hikaricp_connections_max",
    "go_sql_max_open_connections",
    "db_client_connections_max",
    "db_pool_max",
)
"""Metrics of a process that say how many connections it may open."""
ACCEPTED_BY_SERVER = {
    "pg_settings_max_connections": "pg_stat_database_numbackends",
    "mysql_global_variables_max_connections": "mysql_global_status_threads_connected",
    "redis_config_maxclients": "redis_connected_clients",
}
"""Metric of a server that says how many connections it accepts -> the one that says how many are open."""


class Connections(Value):
    """What the pods of a workload hold open to a server behind it, and what that server takes."""

    server: EntityId
    per_pod: float
    """Connections that one pod may open."""
    opened: float
    most: float


class Around(Value):
    """The neighbourhood of one workload."""

    nodes: tuple[Node, ...] | None = None
    quotas: tuple[Quota, ...] | None = None
    autoscaler: Autoscaler | None = None
    budgets: tuple[DisruptionBudget, ...] = ()
    pods: tuple[Pod, ...] = ()
    rollout: Rollout | None = None
    refs: TemplateRefs | None = None
    """What a revision that may be gone back to refers to."""
    connections: tuple[Connections, ...] = ()
    evidence: dict[str, EvidenceId] = {}
    """Which observation told which part, by the part's name."""


def around(evidence: Sequence[Evidence], entity: EntityId, callees: Sequence[EntityId]) -> Around:
    """What the newest observations say of the neighbourhood of a workload."""
    namespace = Entity.parse(entity).namespace
    found = {
        "nodes": newest(evidence, "kubernetes.nodes", Nodes, lambda view: view.nodes if len(view.nodes) > 1 else None),
        "quotas": newest(
            evidence,
            "kubernetes.quotas",
            Quotas,
            lambda view: tuple(quota for quota in view.quotas if quota.meta.namespace == namespace),
            asked=lambda query: any(path in query for path in (f"/namespaces/{namespace}/", "/api/v1/resourcequotas")),
        ),
        "autoscaler": newest(
            evidence,
            "kubernetes.autoscalers",
            Autoscalers,
            lambda view: next((one for one in view.autoscalers if one.target == entity), None),
        ),
        "budgets": newest(
            evidence,
            "kubernetes.disruption_budgets",
            DisruptionBudgets,
            lambda view: tuple(one for one in view.budgets if entity in one.workloads) or None,
        ),
        "pods": newest(evidence, "kubernetes.pods", Pods, lambda view: view.of(entity) or None),
        "rollout": newest(
            evidence,
            "kubernetes.revisions",
            Rollouts,
            lambda view: next((one for one in view.rollouts if one.workload == entity), None),
        ),
        "refs": newest(
            evidence,
            "kubernetes.template_refs",
            TemplateRefs,
            lambda view: view if view.workload == entity else None,
        ),
        "connections": _connections(evidence, entity, callees),
    }
    known = {name: one for name, one in found.items() if one is not None}
    return Around.model_validate(
        {
            **{name: value for name, (value, _) in known.items()},
            "evidence": {name: told for name, (_, told) in known.items()},
        }
    )


def _connections(
    evidence: Sequence[Evidence], entity: EntityId, callees: Sequence[EntityId]
) -> tuple[tuple[Connections, ...], EvidenceId] | None:
    """What the pods may open, and what the servers behind them say of themselves."""
    own = newest(
        evidence,
        "prometheus.wide",
        WideView,
        lambda view: _level(view, *OPENED_BY_CLIENT) if view.entity == entity else None,
    )
    if own is None:
        return None
    servers = []
    for callee in callees:
        for most, opened in ACCEPTED_BY_SERVER.items():
            told = newest(
                evidence, "prometheus.wide", WideView, partial(_both, entity=callee, most=most, opened=opened)
            )
            if told is not None:
                servers.append(Connections(server=callee, per_pod=own[0], opened=told[0][1], most=told[0][0]))
    return (tuple(servers), own[1]) if servers else None


def _both(view: WideView, *, entity: EntityId, most: str, opened: str) -> tuple[float, float] | None:
    if view.entity != entity:
        return None
    limit, used = _level(view, most), _level(view, opened)
    return None if limit is None or used is None else (limit, used)


def _level(view: WideView, *names: str) -> float | None:
    """The latest level of the first of these metrics that is there; above zero, as unbounded pools say 0."""
    for name in names:
        curve = view.metrics.get(name)
        values = [value for value in (curve.values[-3:] if curve else ()) if value is not None]
        if values and median(values) > 0:
            return median(values)
    return None
