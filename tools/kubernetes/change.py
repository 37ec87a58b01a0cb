"""What the actions on objects have in common: read, hold against the fence, change conditionally, look again.

A change is one JSON patch that tests uid and resourceVersion of the version that was just read and held against the
fence, and that writes the action's key onto the object. So it happens on exactly what was approved, or not at all, and
whoever comes later can see that it happened.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from incidents.action import (
    ActionOutcome,
    ActionRequest,
    BlastRadius,
    Fence,
    Preview,
    Snapshot,
)
from incidents.canonical import Json, digest_of
from incidents.entity import Entity
from incidents.reach import reach
from incidents.topology import Topology
from tools.action import ActionCard, Applied, Progress
from tools.errors import ConflictError, NotConfiguredError, NotFoundError, PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.document import Document
from tools.kubernetes.field_path import field_changes
from tools.kubernetes.json_patch import Operation, annotate, unchanged
from tools.kubernetes.resources import path_of
from tools.kubernetes.wire import PatchKind

if TYPE_CHECKING:
    from tools.kubernetes.client import KubernetesClient

KEY = "midwatch.dev/action-key"
"""Annotation: key of the action that changed the object last."""
FROM = "midwatch.dev/action-from"
"""Annotation: digest of what the object was before that change; an undo goes ahead only while it still says so."""
TRIES = 8
"""Times a patch is tried again because the status of the object moved between reading and writing."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an action would do to its target as it is now."""

    part: Json
    """What the action reads or writes: its digest is the fence's content."""
    operations: Sequence[Operation]
    state: Mapping[str, Json]
    """What an undo needs. Never values of environment variables: templates are named by revision and digest."""
    facets: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    by_generation: bool = True
    """Whether any change of the specification voids the fence; false where an autoscaler writes it all the time."""


class ConditionalChange(ABC):
    """An action that changes one object by one conditional patch. Subclasses say what, and how it is taken back."""

    card: ActionCard
    needs: tuple[Need, ...]
    """The least permissions it works with: asked by doctor, granted by the Helm chart."""

    @abstractmethod
    async def plan(self, cluster: WriteCluster, item: Document, request: ActionRequest) -> Plan:
        """What would be done to the object as it is. Raises PermanentError when it makes no sense."""

    @abstractmethod
    async def reversal(
        self, cluster: WriteCluster, item: Document, request: ActionRequest, state: Document
    ) -> Sequence[Operation]:
        """The operations that put the captured state back. ConflictError when the changed part is no longer ours."""

    @abstractmethod
    def progress(self, item: Document, request: ActionRequest) -> tuple[bool, str]:
        """Whether what was asked has come about, and how far it is in words."""

    @abstractmethod
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """What is done and how it is taken back, for people."""

    def blast_radius(self, request: ActionRequest, topology: Topology) -> BlastRadius:
        """The target, its pods and services, and who depends on it."""
        return reach(request.target, topology)

    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """Read the target."""
        item = await self._read(cluster, request)
        plan = await self.plan(cluster, item, request)
        return Snapshot(
            target=request.target,
            taken_at=cluster.clock.now(),
            fence=_fence(item, plan),
            state=json.dumps(plan.state, sort_keys=True),
        )

    async def preview(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot) -> Preview:
        """Ask the server for a dry run of exactly the patch that would be applied."""
        for last in _tries():
            item = await self._read(cluster, request)
            plan = await self.plan(cluster, item, request)
            changed = snapshot.fence.differences(_fence(item, plan))
            if changed:
                return _refused(f"the target changed since it was read: {'; '.join(changed)}", plan)
            marks = {**cluster.labels, KEY: "preview", FROM: snapshot.fence.content}
            patch = [*annotate(item, marks), *plan.operations]
            try:
                after = await self._patch(cluster, request, item, patch, last=last, dry_run=True)
            except PermanentError as error:
                return _refused(str(error), plan)
            if after is not None:
                diff = field_changes(item.json("spec"), after.json("spec"), prefix="spec")
                return Preview(accepted=True, by="server-side dry-run", diff=diff, warnings=plan.warnings)
        raise AssertionError

    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Patch the target if it is what the snapshot says. ConflictError: it was not, and nothing was done."""
        for last in _tries():
            item = await self._read(cluster, request)
            if _marks(item).get(KEY) == key:
                return Applied(detail="it had been done before", resource_version=_version(item))
            plan = await self.plan(cluster, item, request)
            changed = snapshot.fence.differences(_fence(item, plan))
            if changed:
                raise ConflictError(f"not done, the target changed since it was approved: {'; '.join(changed)}")
            marks = {**cluster.labels, KEY: key, FROM: snapshot.fence.content}
            after = await self._patch(cluster, request, item, [*annotate(item, marks), *plan.operations], last=last)
            if after is not None:
                return Applied(detail=self.progress(after, request)[1], resource_version=_version(after))
        raise AssertionError

    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:
        """Look for the key on the target, and how far the change has come."""
        try:
            item = await self._read(cluster, request)
        except NotFoundError:
            return Progress(outcome=ActionOutcome.UNKNOWN, done=False, text="the target no longer exists")
        if _marks(item).get(KEY) == key:
            done, text = self.progress(item, request)
            return Progress(outcome=ActionOutcome.HAPPENED, done=done, text=text)
        if item.word("metadata", "uid") != snapshot.fence.uid:
            return Progress(outcome=ActionOutcome.UNKNOWN, done=False, text="the target was deleted and created again")
        if _marks(item).get(FROM, "") == snapshot.fence.content:
            return Progress(outcome=ActionOutcome.UNKNOWN, done=False, text="another action changed the target since")
        return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text="the target does not carry this action")

    async def outcome(self, cluster: WriteCluster, request: ActionRequest) -> Document:
        """The target as it would be after the change, by a dry run. Raises ToolError."""
        for last in _tries():
            item = await self._read(cluster, request)
            plan = await self.plan(cluster, item, request)
            after = await self._patch(
                cluster, request, item, [*annotate(item, cluster.labels), *plan.operations], last=last, dry_run=True
            )
            if after is not None:
                return after
        raise AssertionError

    async def undo(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Put the captured state back while the target still carries the change of this snapshot."""
        for last in _tries():
            item = await self._read(cluster, request)
            if _marks(item).get(KEY) == key:
                return Applied(detail="it had been undone before", resource_version=_version(item))
            if item.word("metadata", "uid") != snapshot.fence.uid or _marks(item).get(FROM) != snapshot.fence.content:
                raise ConflictError("not undone: the target no longer carries this change")
            back = await self.reversal(cluster, item, request, Document(json.loads(snapshot.state)))
            marks = {**cluster.labels, KEY: key, FROM: "undone"}
            after = await self._patch(cluster, request, item, [*annotate(item, marks), *back], last=last)
            if after is not None:
                return Applied(detail=self.progress(after, request)[1], resource_version=_version(after))
        raise AssertionError

    async def _read(self, cluster: WriteCluster, request: ActionRequest) -> Document:
        entity = Entity.parse(request.target)
        if entity.kind not in self.card.targets:
            kinds = ", ".join(self.card.targets)
            raise PermanentError(f"{self.card.kind} is for {kinds}; {entity.label} is a {entity.kind}")
        return await client_of(cluster).get(path_of(entity))

    async def _patch(
        self,
        cluster: WriteCluster,
        request: ActionRequest,
        item: Document,
        operations: Sequence[Operation],
        *,
        last: bool,
        dry_run: bool = False,
    ) -> Document | None:
        """The changed object; None when it moved meanwhile (its status does all the time) and is to be read again."""
        path, patch = path_of(Entity.parse(request.target)), [*unchanged(item), *operations]
        try:
            return await client_of(cluster).patch(path, patch, kind=PatchKind.JSON, dry_run=dry_run)
        except ConflictError:
            if last:
                raise
            return None


def client_of(cluster: WriteCluster) -> "KubernetesClient":
    """The write client. Raises NotConfiguredError when the executor has none for this cluster."""
    if cluster.kubernetes is None:
        raise NotConfiguredError(f"no Kubernetes write access is configured for {cluster.name}")
    return cluster.kubernetes


def _tries() -> Sequence[bool]:
    """One entry per try: whether it is the last."""
    return [False] * (TRIES - 1) + [True]


def _fence(item: Document, plan: Plan) -> Fence:
    generation = item.whole("metadata", "generation") if plan.by_generation else None
    return Fence(
        uid=item.word("metadata", "uid"),
        generation=generation,
        content=digest_of(plan.part),
        facets=dict(plan.facets),
    )


def _refused(reason: str, plan: Plan) -> Preview:
    return Preview(accepted=False, by="server-side dry-run", diff=(), warnings=plan.warnings, refusal=reason)


def _marks(item: Document) -> dict[str, str]:
    return item.mapping("metadata", "annotations")


def _version(item: Document) -> str:
    return item.word("metadata", "resourceVersion")
