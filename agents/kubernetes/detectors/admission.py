"""Pods that are not created because admission refuses them, and webhooks that block creation because nobody answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.admission_errors import Refusal, read_refusal
from agents.kubernetes.sighted import SeenWorkload, earliest, events_of, fresh, name, workloads_of
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.event import Events
from tools.kubernetes.workload import Workloads
from tools.probe import Observation

ADMISSION_DENIED = FactSpec(
    kind=FactKind("admission.denied"),
    role=FactRole.MECHANISM,
    meaning="The API server refuses to create the pods of a workload.",
    attributes={
        "policy": "quota, limitrange, pod_security, webhook, serviceaccount, priority, policy or other",
        "name": "name of the quota, webhook, level or account",
        "resource": "the resource that was exceeded, with what was asked",
    },
)
QUOTA_EXCEEDED = FactSpec(
    kind=FactKind("quota.exceeded"),
    role=FactRole.MECHANISM,
    meaning="A namespace has used up a quota, so that pods are refused.",
    attributes={
        "quota": "name of the ResourceQuota",
        "resource": "the resource",
        "used": "what is used, in base units (cores, bytes, objects)",
        "hard": "what may be used",
    },
)
WEBHOOK_BLOCKS = FactSpec(
    kind=FactKind("webhook.unavailable"),
    role=FactRole.MECHANISM,
    meaning="An admission webhook does not answer, so that objects cannot be created.",
    attributes={
        "name": "name of the webhook",
        "reason": "no_endpoints, not_found, certificate, refused, timeout, dns, unreachable or other",
        "failure_policy": "Fail or Ignore",
    },
)
_POLICY_WORDS = {
    "quota": "quota {name} is exceeded",
    "limitrange": "a limit range forbids its resources",
    "pod_security": "pod security level {name} forbids it",
    "webhook": "webhook {name} denies it",
    "serviceaccount": "service account {name} does not exist",
    "priority": "priority class {name} does not exist",
    "policy": "admission policy {name} denies it",
    "other": "it is forbidden",
}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A refusal, what it hit, and where it was seen."""

    workload: EntityId
    refusal: Refusal
    at: datetime | None
    seen: Observation[Any]


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload and refusal; quotas and webhooks also as facts about themselves."""
    grouped: dict[tuple[EntityId, Refusal], list[Refused]] = {}
    for one in refusals(sightings, scene):
        grouped.setdefault((one.workload, one.refusal), []).append(one)
    for (workload, refusal), hits in grouped.items():
        if refusal.policy == "webhook_unavailable":
            yield _webhook(workload, refusal, hits, scene)
        else:
            yield _denied(workload, refusal, hits, scene)
        if refusal.policy == "quota":
            yield _quota(workload, refusal, hits, scene)


def refusals(sightings: Sightings, scene: Scene) -> Iterable[Refused]:
    """Refused creations, from events of the controllers and from the condition of Deployments."""
    workloads = workloads_of(sightings)
    for event in events_of(sightings, "FailedCreate"):
        refusal = read_refusal(event.event.message)
        if refusal is None or event.workload is None or _overcome(event.workload, workloads):
            continue
        if fresh(event.event.last, scene):
            yield Refused(workload=event.workload, refusal=refusal, at=event.event.first, seen=event.seen)
    for entity, one in workloads.items():
        condition = one.workload.condition("ReplicaFailure")
        refusal = read_refusal(condition.message) if condition and condition.holds else None
        if refusal is not None and condition is not None:
            yield Refused(workload=entity, refusal=refusal, at=condition.changed, seen=one.seen)


def _overcome(workload: EntityId, workloads: Mapping[EntityId, SeenWorkload]) -> bool:
    """Whether all pods of the newest template exist by now: what was refused before was let through later."""
    known = workloads.get(workload)
    if known is None or not known.workload.replicas.desired:
        return False
    return known.workload.replicas.updated >= known.workload.replicas.desired


def _denied(workload: EntityId, refusal: Refusal, hits: Sequence[Refused], scene: Scene) -> Fact:
    at = earliest(one.at for one in hits)
    why = _POLICY_WORDS.get(refusal.policy, "it is forbidden").format(name=refusal.name)
    what = f" ({refusal.resource})" if refusal.resource else ""
    return state(
        ADMISSION_DENIED,
        entity=workload,
        text=f"new pods of {name(workload)} are refused: {why}{what}{since(at, now=scene.now)}",
        seen=[one.seen for one in hits],
        at=at,
        detector=DETECTOR.name,
        policy=refusal.policy,
        name=refusal.name or None,
        resource=refusal.resource or None,
    )


def _quota(workload: EntityId, refusal: Refusal, hits: Sequence[Refused], scene: Scene) -> Fact:
    own = Entity.parse(workload)
    at = earliest(one.at for one in hits)
    return state(
        QUOTA_EXCEEDED,
        entity=Entity(cluster=own.cluster, kind=EntityKind.NAMESPACE, name=own.namespace or "-").id,
        text=f"quota {refusal.name} of {own.namespace} refuses pods of {own.name}: {refusal.resource} is too much"
        f"{since(at, now=scene.now)}",
        seen=[one.seen for one in hits],
        at=at,
        related=[workload],
        detector=DETECTOR.name,
        quota=refusal.name,
        resource=refusal.resource.split("=", 1)[0],
    )


def _webhook(workload: EntityId, refusal: Refusal, hits: Sequence[Refused], scene: Scene) -> Fact:
    at = earliest(one.at for one in hits)
    own = Entity.parse(workload)
    return state(
        WEBHOOK_BLOCKS,
        entity=Entity(cluster=own.cluster, kind=EntityKind.CLUSTER, name=own.cluster).id,
        text=f"webhook {refusal.name} does not answer ({refusal.reason.replace('_', ' ')}): pods of {own.name} are not "
        f"created{since(at, now=scene.now)}",
        seen=[one.seen for one in hits],
        at=at,
        related=[workload],
        detector=DETECTOR.name,
        name=refusal.name,
        reason=refusal.reason,
        failure_policy="Fail",
    )


DETECTOR = Detector(
    name="kubernetes.admission",
    emits=(ADMISSION_DENIED, QUOTA_EXCEEDED, WEBHOOK_BLOCKS),
    needs=(Workloads, Events),
    detect=detect,
)
