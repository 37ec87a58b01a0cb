"""Rollout history: a workload's template, revision by revision, and exactly which fields changed between them."""

from datetime import datetime

from incidents.action import FieldChange
from incidents.entity import EntityKind
from incidents.ids import Digest, EntityId
from incidents.value import Value
from tools.kubernetes.template import PodTemplate


class Revision(Value):
    """One revision of a workload: a ReplicaSet of a Deployment, or a ControllerRevision."""

    number: int
    name: str
    """Of the ReplicaSet or ControllerRevision."""
    created: datetime | None
    """When this template was first rolled out. After a rollback to it the number moves, this does not."""
    deployed: datetime | None
    """Best estimate of when it last became the wanted one: an annotation or controller condition, else `created`."""
    current: bool = False
    replicas: int = 0
    ready: int = 0
    images: tuple[str, ...] = ()
    cause: str = ""
    """Annotation kubernetes.io/change-cause."""
    commit: str = ""
    """From the usual annotations and labels, else a tag or label that looks like a git commit."""
    actor: str = ""
    """Field manager that wrote the workload's template last (current revision only)."""
    template: PodTemplate = PodTemplate()
    template_digest: Digest
    changes: tuple[FieldChange, ...] = ()
    """Field-level difference to the revision before it; empty for the oldest one that is kept."""
    history: tuple[int, ...] = ()
    """Earlier numbers of the same template (it was rolled back to)."""


class Rollout(Value):
    """The kept revisions of one workload, newest first."""

    workload: EntityId
    kind: EntityKind
    uid: str
    revisions: tuple[Revision, ...]

    @property
    def current(self) -> Revision | None:
        """The revision that is wanted now."""
        return next((revision for revision in self.revisions if revision.current), None)

    @property
    def previous(self) -> Revision | None:
        """The revision before the current one."""
        current = self.current
        if current is None:
            return None
        return next((revision for revision in self.revisions if revision.number < current.number), None)

    def at(self, number: int) -> Revision | None:
        """The revision of that number."""
        return next((revision for revision in self.revisions if revision.number == number), None)


class Rollouts(Value):
    """Rollout history of the workloads of a scope."""

    rollouts: tuple[Rollout, ...]

    def of(self, workload: EntityId) -> Rollout | None:
        """The history of one workload."""
        return next((rollout for rollout in self.rollouts if rollout.workload == workload), None)
