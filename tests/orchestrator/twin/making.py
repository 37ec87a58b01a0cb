"""Small neighbourhoods for rehearsals: a workload, nodes, quotas, budgets, as probes would have seen them."""

from __future__ import annotations

from typing import Any

from incidents.action import ActionRequest, FieldChange
from incidents.entity import EntityKind
from incidents.ids import ActionKind, EntityId, EvidenceId
from orchestrator.twin.around import Around
from orchestrator.twin.trial import Trial
from tests.incidents.making import CHECKOUT
from tools.kubernetes.condition import Condition
from tools.kubernetes.container import ContainerSpec, Resources
from tools.kubernetes.metadata import ObjectMeta
from tools.kubernetes.node import Node, Room, Taint
from tools.kubernetes.quota import Quota, QuotaLine
from tools.kubernetes.template import PodTemplate
from tools.kubernetes.workload import Replicas, Workload

GI = 2**30
TOLD = EvidenceId("ev-around")


def meta(kind: str, name: str, *, labels: dict[str, str] | None = None) -> ObjectMeta:
    entity = EntityId(f"prod-eu-1/shop/{kind}/{name}")
    return ObjectMeta(entity=entity, name=name, namespace="shop", uid=name, resource_version="1", labels=labels or {})


def template(**changes: Any) -> PodTemplate:
    spec = ContainerSpec(
        name="app",
        image="checkout:1.42.1",
        resources=Resources(cpu_request=0.5, cpu_limit=1.0, memory_request=GI, memory_limit=2 * GI),
    )
    return PodTemplate.model_validate({"containers": (spec,), **changes})


def workload(*, replicas: int = 4, of: PodTemplate | None = None) -> Workload:
    return Workload(
        meta=ObjectMeta(entity=CHECKOUT, name="checkout", namespace="shop", uid="u", resource_version="1"),
        kind=EntityKind.DEPLOYMENT,
        replicas=Replicas(desired=replicas, current=replicas, ready=replicas),
        template=of or template(),
    )


def node(name: str, *, cpu: float = 4.0, taken: float | None = 1.0, **changes: Any) -> Node:
    given: dict[str, Any] = {
        "meta": meta("node", name, labels={"pool": "general"}),
        "conditions": (Condition(type="Ready", status="True"),),
        "allocatable": Room(cpu=cpu, memory=16 * GI, pods=110),
        "requested": None if taken is None else Room(cpu=taken, memory=GI, pods=3),
    }
    return Node.model_validate(given | changes)


TAINT = Taint(key="dedicated", value="data", effect="NoSchedule")


def quota(**lines: tuple[float, float]) -> Quota:
    """`pods=(used, hard)`; underscores stand for dots."""
    return Quota(
        meta=meta("resourcequota", "shop-quota"),
        lines=tuple(
            QuotaLine(
                resource=name.replace("_", "."), hard=hard, used=used, hard_text=f"{hard:g}", used_text=f"{used:g}"
            )
            for name, (used, hard) in lines.items()
        ),
    )


def around(**parts: Any) -> Around:
    return Around.model_validate({**parts, "evidence": dict.fromkeys(parts, TOLD)})


def scaled(to: int, *, replicas: int = 4, of: PodTemplate | None = None, **changes: Any) -> Trial:
    given: dict[str, Any] = {
        "request": ActionRequest(kind=ActionKind("scale_workload"), target=CHECKOUT, arguments={"replicas": to}),
        "diff": (FieldChange(path="spec.replicas", before=str(replicas), after=str(to)),),
        "workload": workload(replicas=replicas, of=of),
    }
    return Trial.model_validate(given | changes)
