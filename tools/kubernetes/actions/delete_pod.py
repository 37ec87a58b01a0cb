"""Evict one pod, so that its controller makes a new one. The Eviction API asks disruption budgets first."""

import json

from typing_extensions import override

from incidents.action import (
    ActionOutcome,
    ActionRequest,
    BlastRadius,
    Fence,
    FieldChange,
    Preview,
    Reversibility,
    Snapshot,
)
from incidents.canonical import Json, digest_of
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from incidents.reach import reach
from incidents.topology import Topology
from tools.action import Action, ActionCard, Applied, Progress
from tools.errors import ConflictError, NotFoundError, PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.change import client_of
from tools.kubernetes.document import Document
from tools.kubernetes.resources import path_of


class DeletePod(Action):
    """An eviction of exactly the pod (by uid) that the approver saw."""

    card = ActionCard(
        kind=ActionKind("delete_pod"),
        title="Delete a pod",
        describe="Evicts one pod; its controller makes a new one. A disruption budget may refuse it.",
        targets=(EntityKind.POD,),
        arguments={},
        reversibility=Reversibility.IRREVERSIBLE,
        undo_seconds=0,
    )
    needs = (Need(verb="get", resource="pods"), Need(verb="create", resource="pods", subresource="eviction"))

    @override
    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """Read the pod. Raises PermanentError for one that nothing would make again."""
        item = await _read(cluster, request)
        owner = next((o for o in item.items("metadata", "ownerReferences") if o.flag("controller")), None)
        if owner is None:
            raise PermanentError(f"{Entity.parse(request.target).label} has no controller: nothing would make it again")
        state = {"node": item.word("spec", "nodeName"), "owner": f"{owner.word('kind')} {owner.word('name')}"}
        return Snapshot(
            target=request.target, taken_at=cluster.clock.now(), fence=_fence(item), state=json.dumps(state)
        )

    @override
    async def preview(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot) -> Preview:
        """A dry run of the eviction: asks the disruption budgets as the real one does."""
        changed = snapshot.fence.differences(_fence(await _read(cluster, request)))
        refusal = "; ".join(changed) or None
        if not changed:
            try:
                await _evict(cluster, request, snapshot, dry_run=True)
            except PermanentError as error:
                refusal = str(error)
        diff = (FieldChange(path="metadata.deletionTimestamp", before=None, after="now"),)
        return Preview(
            accepted=refusal is None,
            by="server-side dry-run",
            diff=diff if refusal is None else (),
            refusal=refusal,
        )

    @override
    def blast_radius(self, request: ActionRequest, topology: Topology) -> BlastRadius:
        """The pod, its workload and services."""
        return reach(request.target, topology)

    @override
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """`Delete pod checkout-7d9f-x2x1`."""
        owner = Document(json.loads(snapshot.state)).word("owner")
        return f"Delete {Entity.parse(request.target).label}", f"cannot be undone; {owner} makes a new pod"

    @override
    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Evict it. ConflictError: another pod has its name now. PermanentError: a disruption budget refuses."""
        item = await _read(cluster, request)
        changed = snapshot.fence.differences(_fence(item))
        if changed:
            raise ConflictError(f"not done, the pod changed since it was approved: {'; '.join(changed)}")
        await _evict(cluster, request, snapshot, dry_run=False)
        return Applied(detail=f"evicted ({key})", resource_version=item.word("metadata", "resourceVersion"))

    @override
    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:
        """Whether the pod of that uid is gone or going. Nothing says who evicted it: gone is what was asked."""
        try:
            item = await _read(cluster, request)
        except NotFoundError:
            return Progress(outcome=ActionOutcome.HAPPENED, done=True, text=f"the pod is gone ({key})")
        if item.word("metadata", "uid") != snapshot.fence.uid:
            return Progress(outcome=ActionOutcome.HAPPENED, done=True, text="a new pod has its name")
        if item.has("metadata", "deletionTimestamp"):
            return Progress(outcome=ActionOutcome.HAPPENED, done=False, text="the pod is terminating")
        return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text="the pod is still there")

    @override
    async def undo(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """There is none. Always raises PermanentError."""
        raise PermanentError("a deleted pod cannot be brought back: its controller made a new one")


async def _read(cluster: WriteCluster, request: ActionRequest) -> Document:
    entity = Entity.parse(request.target)
    if entity.kind is not EntityKind.POD:
        raise PermanentError(f"delete_pod is for pods; {entity.label} is a {entity.kind}")
    return await client_of(cluster).get(path_of(entity))


def _fence(item: Document) -> Fence:
    going = item.has("metadata", "deletionTimestamp")
    return Fence(uid=item.word("metadata", "uid"), content=digest_of({"terminating": going}))


async def _evict(cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, *, dry_run: bool) -> None:
    entity = Entity.parse(request.target)
    options: dict[str, Json] = {"preconditions": {"uid": snapshot.fence.uid}}
    if dry_run:
        options["dryRun"] = ["All"]
    body: Json = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": entity.name, "namespace": entity.namespace},
        "deleteOptions": options,
    }
    await client_of(cluster).post(f"{path_of(entity)}/eviction", body, dry_run=dry_run)


ACTION = DeletePod()
