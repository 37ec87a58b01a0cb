"""Our causes and entities in the set's words: many causes of ours are one label of it, and some of ours are several.

Where one cause covers several labels, the facts that speak for it say which: the reason a pod is unschedulable, the
resource of a quota, the field of a probe.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from incidents.casefile import CaseFile
from incidents.diagnosis import Hypothesis
from incidents.entity import WORKLOADS, Entity, EntityKind
from incidents.fact import Fact
from incidents.ids import EntityId
from incidents.topology import Relation

_UNRESOLVED: Final = "service_dns_resolution_failure"
_DIRECT: Final[Mapping[str, str]] = {
    "image_not_found": "incorrect_image_reference",
    "image_pull_secret_missing": "missing_image_pull_secret",
    "image_registry_unreachable": "image_registry_dns_failure",
    "secret_missing": "missing_secret_binding",
    "config_key_missing": "missing_secret_binding",
    "volume_mount_failed": "volume_mount_permission_denied",
    "container_cannot_be_created": "volume_mount_permission_denied",
    "volume_permission_denied": "volume_mount_permission_denied",
    "memory_limit_too_low": "oom_killed",
    "memory_leak": "oom_killed",
    "startup_probe_impatient": "liveness_probe_incorrect_timing",
    "scaled_to_zero": "deployment_zero_replicas",
    "port_conflict": "service_sidecar_port_conflict",
    "credentials_refused": "mysql_invalid_credentials",
    "connection_pool_exhausted": "db_connection_exhaustion",
    "database_read_only": "db_read_only",
    "taint_not_tolerated": "taint_toleration_mismatch",
    "pod_anti_affinity": "pod_anti_affinity_conflict",
    "nodes_cordoned": "node_cordon_mismatch",
    "volume_class_wrong": "pvc_storage_class_mismatch",
    "service_account_missing": "missing_service_account",
    "service_selector_mismatch": "service_selector_mismatch",
    "service_port_mismatch": "service_port_mapping_mismatch",
    "service_protocol_mismatch": "service_protocol_mismatch",
    "gateway_misrouted": "gateway_misroute",
    "ingress_backend_missing": "gateway_misroute",
    "dns_failure": _UNRESOLVED,
    "node_not_ready": "kubelet_unavailable",
    "node_runtime_down": "containerd_unavailable",
    "node_proxy_down": "kube_proxy_unavailable",
    "claim_refused_by_quota": "namespace_storage_quota_exceeded",
    "service_refused_by_quota": "namespace_service_quota_exceeded",
    "scheduler_down": "kube_scheduler_unavailable",
    "control_plane_unhealthy": "kube_scheduler_unavailable",
    "node_packet_loss": "node_network_packet_loss",
    "node_network": "node_network_delay",
    "node_slow": "node_network_delay",
    "dependency_slow": "pod_network_delay",
    "pod_slow": "pod_network_delay",
    "latency_begins_here": "pod_network_delay",
    "cpu_limit_too_low": "pod_cpu_overload",
    "cpu_heavy_release": "pod_cpu_overload",
    "cpu_use_unusual": "pod_cpu_overload",
    "node_cpu_saturated": "pod_cpu_overload",
}
_CLAIMS: Final[Mapping[str, str]] = {
    "capacity": "pvc_capacity_mismatch",
    "access_mode": "pvc_access_mode_mismatch",
    "selector": "pvc_selector_mismatch",
    "taken": "pv_binding_occupied",
    "no_class": "pvc_storage_class_mismatch",
    "class_mismatch": "pvc_storage_class_mismatch",
    "no_match": "pv_binding_occupied",
}
_QUOTAS: Final[Sequence[tuple[str, str]]] = (
    ("storage", "namespace_storage_quota_exceeded"),
    ("persistentvolumeclaims", "namespace_storage_quota_exceeded"),
    ("services", "namespace_service_quota_exceeded"),
    ("memory", "namespace_memory_quota_exceeded"),
    ("cpu", "namespace_cpu_quota_exceeded"),
    ("pods", "namespace_pod_quota_exceeded"),
)
_DATABASE_WORDS: Final = re.compile(r"mysql|mariadb|jdbc|communications link|-db\b|\bdb-", re.IGNORECASE)
_DATABASE_PORTS: Final = frozenset({"3306", "33060", "5432"})


def answers(hypothesis: Hypothesis, case: CaseFile) -> list[str]:
    """`object|cause` of one hypothesis; several when it is bound to several applications; none outside the words."""
    facts = _cited(hypothesis, case)
    label = _label(hypothesis, facts)
    if label == _UNRESOLVED and _is_made_up(facts, case):
        label = "service_env_var_address_mismatch"
    if label is None:
        return []
    return [f"{thing}|{label}" for thing in _objects(hypothesis, label, facts, case)]


def _cited(hypothesis: Hypothesis, case: CaseFile) -> list[Fact]:
    cited = [fact for point in hypothesis.speaks_for for fact in point.facts]
    known = {fact.id: fact for fact in case.facts}
    return [known[fact] for fact in dict.fromkeys(cited) if fact in known]


def _label(hypothesis: Hypothesis, facts: Sequence[Fact]) -> str | None:
    if hypothesis.cause in _DIRECT:
        return _DIRECT[hypothesis.cause]
    by_facts = _BY_FACTS.get(hypothesis.cause)
    return by_facts(facts) if by_facts else None


def _values(facts: Iterable[Fact], kind: str, attribute: str) -> list[str]:
    return [str(fact.attributes[attribute]) for fact in facts if fact.kind == kind and fact.attributes.get(attribute)]


def _room(facts: Sequence[Fact]) -> str:
    reasons = _values(facts, "pod.unschedulable", "reason")
    return "memory_capacity_mismatch" if "memory" in reasons and "cpu" not in reasons else "cpu_capacity_mismatch"


def _selecting(facts: Sequence[Fact]) -> str:
    reasons = _values(facts, "pod.unschedulable", "reason")
    return "node_affinity_mismatch" if "node_affinity" in reasons else "node_selector_mismatch"


def _quota(facts: Sequence[Fact]) -> str | None:
    for kind in ("admission.denied", "quota.exceeded", "quota.nearly_full"):
        for resource in _values(facts, kind, "resource"):
            for part, label in _QUOTAS:
                if part in resource:
                    return label
    return None


def _claim(facts: Sequence[Fact]) -> str:
    reasons = _values(facts, "pvc.pending", "reason")
    return next((_CLAIMS[reason] for reason in reasons if reason in _CLAIMS), "pv_binding_occupied")


def _liveness(facts: Sequence[Fact]) -> str:
    return _probe(facts, name="liveness", otherwise="liveness_probe_incorrect_timing")


def _readiness(facts: Sequence[Fact]) -> str:
    return _probe(facts, name="readiness", otherwise="readiness_probe_incorrect_protocol")


def _probe(facts: Sequence[Fact], *, name: str, otherwise: str) -> str:
    kinds = {fact.kind for fact in facts}
    if "probe.port_not_exposed" in kinds:
        return f"{name}_probe_incorrect_port"
    if "probe.protocol_mismatch" in kinds:
        return f"{name}_probe_incorrect_protocol"
    if "probe.too_impatient" in kinds:
        return f"{name}_probe_incorrect_timing" if name == "liveness" else otherwise
    reasons = _values(facts, f"probe.{name}_failing", "reason")
    if "refused" in reasons:
        return f"{name}_probe_incorrect_port"
    if {"protocol", "http_status"} & set(reasons):
        return f"{name}_probe_incorrect_protocol"
    return otherwise


def _address(facts: Sequence[Fact]) -> str:
    for fact in facts:
        if fact.kind == "config.address_wrong" and fact.attributes.get("what") == "port" and _is_database(fact):
            return "mysql_invalid_port"
    if any(fact.kind == "config.address_wrong" for fact in facts):
        return "service_env_var_address_mismatch"
    return _UNRESOLVED


def _is_made_up(facts: Sequence[Fact], case: CaseFile) -> bool:
    """Whether the name that does not resolve is no service's: it is wrong then, and names resolve."""
    services = {Entity.parse(one).name for one in case.inventory if Entity.parse(one).kind is EntityKind.SERVICE}
    hosts = {_first_label(peer) for peer in _values(facts, "log.error_class", "peer")}
    return bool(services and hosts) and not hosts & services


def _first_label(peer: str) -> str:
    return peer.partition(":")[0].partition(".")[0]


def _refused(facts: Sequence[Fact]) -> str:
    return "mysql_invalid_port" if any(map(_is_database, facts)) else "service_env_var_address_mismatch"


def _is_database(fact: Fact) -> bool:
    """Whether a fact speaks of a database, by its name, its usual port, or the words of its driver."""
    told = {str(value) for value in fact.attributes.values()}
    return bool(told & _DATABASE_PORTS) or any(_DATABASE_WORDS.search(text) for text in (*told, fact.text))


_BY_FACTS: Final[Mapping[str, Callable[[Sequence[Fact]], str | None]]] = {
    "no_room_on_nodes": _room,
    "node_selector_mismatch": _selecting,
    "quota_exceeded": _quota,
    "quota_nearly_full": _quota,
    "volume_no_match": _claim,
    "liveness_probe_wrong": _liveness,
    "readiness_probe_wrong": _readiness,
    "wrong_address": _address,
    "dependency_address_wrong": _refused,
}


CAUSES: Final = frozenset({*_DIRECT, *_BY_FACTS})
"""Causes of ours that the set has words for."""


def _objects(hypothesis: Hypothesis, label: str, facts: Sequence[Fact], case: CaseFile) -> list[str]:
    entity = Entity.parse(hypothesis.entity)
    if label.startswith("namespace_"):
        return [f"namespace/{entity.name if entity.kind is EntityKind.NAMESPACE else entity.namespace}"]
    if _is_of_node(label):
        return [f"node/{name}" for name in _nodes(entity, facts)]
    own = _applications(hypothesis.entity, facts, case)
    databases = _databases(hypothesis.entity, case) if label.startswith("db_") else []
    return [f"app/{name}" for name in (*databases, *own)]


def _is_of_node(label: str) -> bool:
    return label.startswith(("kube", "containerd", "node_network"))


def _nodes(entity: Entity, facts: Sequence[Fact]) -> list[str]:
    if entity.kind is EntityKind.NODE:
        return [entity.name]
    named = [Entity.parse(other) for fact in facts for other in (fact.entity, *fact.related)]
    return list(dict.fromkeys(one.name for one in named if one.kind is EntityKind.NODE))[:1]


def _databases(entity: EntityId, case: CaseFile) -> list[str]:
    """Databases that an application calls: the set blames them for what their clients complain of."""
    called = (Entity.parse(one) for one in case.topology.callees(entity))
    return [one.name for one in called if one.is_workload and _DATABASE_WORDS.search(one.name)][:1]


def _applications(entity: EntityId, facts: Sequence[Fact], case: CaseFile) -> list[str]:
    """The workload that it is about: the one it is bound to, or the one behind its service, ingress or claim."""
    parsed = Entity.parse(entity)
    if parsed.kind in WORKLOADS:
        return [parsed.name]
    if parsed.kind is EntityKind.SERVICE:
        selected = case.topology.targets(entity, Relation.SELECTS)
        closest = [name for fact in facts if fact.entity == entity for name in [_closest(fact)] if name]
        return list(dict.fromkeys([*(Entity.parse(one).name for one in selected), *closest]))[:1] or [parsed.name]
    if parsed.kind is EntityKind.INGRESS:
        led = [one for fact in facts if fact.entity == entity for one in fact.related]
        meant = [*led, *case.topology.targets(entity, Relation.ROUTES)]
        owners = [owner for one in meant for owner in case.topology.targets(one, Relation.SELECTS)]
        return [Entity.parse(one).name for one in (*owners, *meant)][:1]
    if parsed.kind is EntityKind.PVC:
        users = [case.topology.owner_of(user) for user in case.topology.sources(entity, Relation.USES)]
        names = [Entity.parse(user).name for user in users if Entity.parse(user).is_workload]
        return list(dict.fromkeys(names))[:1] or [parsed.name]
    waiting = [
        Entity.parse(fact.entity)
        for kind in ("pod.unschedulable", "pod.pending")
        for fact in (*facts, *case.facts)
        if fact.kind == kind
    ]
    return list(dict.fromkeys(one.name for one in waiting if one.is_workload))[:1]


def _closest(fact: Fact) -> str:
    value = str(fact.attributes.get("closest_workload") or "")
    return value.rpartition("/")[2]
