"""Writes to live objects that did not come through a pipeline, and writes to configuration: from managed fields. Pure.

Managed fields say which client last wrote which fields and when. They do not say what stood there before; where Argo CD
compares with Git, that does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.cicd.hands import Hand, hand_of
from agents.detector import Sightings
from agents.remembered import remembered
from incidents.ids import EntityId
from tools.kubernetes.autoscaler import Autoscalers
from tools.kubernetes.config_ref import ConfigRefs
from tools.kubernetes.metadata import FieldManager, ObjectMeta
from tools.kubernetes.network_policy import NetworkPolicies, NetworkPolicy
from tools.kubernetes.service import Services
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

CREATION = timedelta(seconds=5)
"""A write this soon after an object's creation is the creation."""
PIPELINE_MARKS = (
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "meta.helm.sh/release-name",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
)
"""Annotations and labels by which pipelines mark what is theirs."""
_NOT_INTENT = ("status", "metadata.managedFields", "metadata.finalizers", "metadata.ownerReferences")
_DATA = ("data", "binaryData", "stringData")


@dataclass(frozen=True, kw_only=True)
class Write:
    """What one client wrote last to one object."""

    entity: EntityId
    manager: str
    hand: Hand
    at: datetime | None
    fields: tuple[str, ...]
    """Dotted paths that it owns; of these at least one was written at that time."""
    created: bool = False
    """The object came into the world by it."""
    over_pipeline: bool = False
    """The object is marked as a pipeline's: of an Argo CD application, a Helm release, a Flux kustomization."""
    related: tuple[EntityId, ...] = ()
    """Workloads that it concerns."""
    seen: Observation[Any]

    @property
    def touches(self) -> tuple[EntityId, ...]:
        """The object and the workloads that it concerns."""
        return (self.entity, *self.related)

    @property
    def manual(self) -> float:
        """How sure it is that this went past the pipeline (0..1)."""
        match self.hand:
            case Hand.PERSON:
                return 1.0
            case Hand.APPLY if self.over_pipeline and not self.created:
                return 0.9
            case Hand.UNKNOWN if self.over_pipeline and not self.created:
                return 0.6
            case _:
                return 0.0

    @property
    def of_data(self) -> bool:
        """Whether it wrote the data of a ConfigMap or Secret. A removed key leaves no name behind."""
        return any(field.split(".", 1)[0] in _DATA for field in self.fields)

    @property
    def only_restarts(self) -> bool:
        """Whether it did nothing but mark the template for a restart."""
        return all(field.endswith("restartedAt") for field in self.fields)

    def wrote(self, path: str) -> bool:
        """Whether a path lies in what it wrote."""
        return any(path == field or path.startswith((f"{field}.", f"{field}[")) for field in self.fields)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of a ConfigMap or Secret that it wrote."""
        parts = [field.partition(".") for field in self.fields]
        return tuple(key for part, _, key in parts if part in _DATA and key)


@remembered
def writes(sightings: Sightings) -> tuple[Write, ...]:
    """All writes to what was seen; an object that was seen twice counts once."""
    found = {(one.entity, one.manager, one.at, one.fields): one for one in _writes(sightings)}
    return tuple(found.values())


def manual_edits(sightings: Sightings) -> tuple[Write, ...]:
    """Writes that went past the pipeline."""
    return tuple(one for one in writes(sightings) if one.manual > 0 and not one.only_restarts)


def config_writes(sightings: Sightings) -> tuple[Write, ...]:
    """Writes to the data of ConfigMaps and Secrets that workloads use."""
    return tuple(one for one in writes(sightings) if one.of_data)


def _writes(sightings: Sightings) -> Iterator[Write]:
    for meta, related, seen in _objects(sightings):
        yield from _of(meta, seen, related=related)


def _objects(sightings: Sightings) -> list[tuple[ObjectMeta, tuple[EntityId, ...], Observation[Any]]]:
    """Every object whose managed fields were seen, with the workloads that it concerns."""
    found: list[tuple[ObjectMeta, tuple[EntityId, ...], Observation[Any]]] = []
    for running in sightings.of(Workloads):
        found += [(one.meta, (), running) for one in running.view.workloads]
    for serving in sightings.of(Services):
        found += [(one.service.meta, one.service.workloads, serving) for one in serving.view.services]
    for config in sightings.of(ConfigRefs):
        found += [(one.meta, one.used_by, config) for one in config.view.objects]
    for scaling in sightings.of(Autoscalers):
        found += [(one.meta, (one.target,) if one.target else (), scaling) for one in scaling.view.autoscalers]
    for policing in sightings.of(NetworkPolicies):
        found += [(one.meta, _isolated(one, sightings), policing) for one in policing.view.policies]
    return found


def _isolated(policy: NetworkPolicy, sightings: Sightings) -> tuple[EntityId, ...]:
    workloads: Iterable[Workload] = (one for seen in sightings.of(Workloads) for one in seen.view.workloads)
    return tuple(
        one.meta.entity for one in workloads if policy.selects(one.template.labels, namespace=one.meta.namespace)
    )


def _of(meta: ObjectMeta, seen: Observation[Any], *, related: tuple[EntityId, ...] = ()) -> Iterator[Write]:
    for manager in meta.managers:
        fields = tuple(field for field in manager.fields if not field.startswith(_NOT_INTENT))
        if not fields or manager.subresource == "status":
            continue
        yield Write(
            entity=meta.entity,
            manager=manager.manager,
            hand=hand_of(manager.manager, operation=manager.operation),
            at=manager.at,
            fields=fields,
            created=_created(manager, meta),
            over_pipeline=any(mark in meta.annotations or mark in meta.labels for mark in PIPELINE_MARKS),
            related=related,
            seen=seen,
        )


def _created(manager: FieldManager, meta: ObjectMeta) -> bool:
    return manager.at is not None and meta.created is not None and manager.at - meta.created <= CREATION
