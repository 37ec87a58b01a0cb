"""Puts single objects of an Argo CD application back to what Git says, where somebody changed or deleted them by hand.

Only objects without processes and secrets (services, ingresses, autoscalers, configuration): a workload goes back by
its revisions. Only while Git has no commit that was not synchronised: otherwise a sync would bring that commit along.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

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
from incidents.bound import Narrowable, Order, Unit
from incidents.canonical import Json, digest_of
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind, Digest, EntityId
from incidents.reach import reach
from incidents.redaction import redact
from incidents.topology import Topology
from incidents.value import Value
from tools.action import ActionCard, Applied, Progress
from tools.argocd.actions.argocd_rollback import FROM, KEY, UNDONE
from tools.argocd.application import Application, ObjectRef, ResourceStates
from tools.argocd.client import SYSTEM, ArgoCDClient
from tools.argocd.merging import merge_patch
from tools.argocd.probes.diff import difference
from tools.errors import ConflictError, NotFoundError, PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.metadata import entity_id, kind_of
from tools.observing import configured

NOT_BY_SYNC = frozenset({"Secret", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"})
"""Kinds that are not put back so: what undoes them would hold secrets, or start processes."""


class Back(Value):
    """One object, and what takes the sync back from it."""

    ref: ObjectRef
    patch: str | None
    """JSON merge patch that puts the fields of before back; None: it was not there, so it is deleted."""


class Before(Value):
    """What is captured."""

    revision: str
    objects: tuple[Back, ...]


class ArgoCDSync:
    """See the module."""

    card = ActionCard(
        kind=ActionKind("argocd_sync"),
        title="Put objects back to what Git says",
        describe="Synchronises single objects of an Argo CD application that were changed or deleted by hand.",
        targets=(EntityKind.APPLICATION,),
        arguments={"objects": "ids of the objects, separated by commas"},
        required=("objects",),
        narrows={"objects": Narrowable(order=Order.PART_OF, unit=Unit.NAMES)},
        reversibility=Reversibility.EXACT,
        undo_seconds=20,
    )

    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """Read the application and its objects. Raises NotFoundError when one of them is none of its objects."""
        application = await _read(cluster, request)
        states = await _chosen(cluster, request, application)
        before = Before(revision=application.revision, objects=tuple(_back(state) for state in states))
        return Snapshot(
            target=request.target,
            taken_at=cluster.clock.now(),
            fence=Fence(
                uid=application.uid or application.name,
                content=_content(application, states),
                facets={"revision": application.revision},
            ),
            state=before.model_dump_json(),
        )

    async def preview(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot) -> Preview:
        """From Argo CD's own comparison of what lives with Git: it is what a sync of these objects writes."""
        application = await _read(cluster, request)
        states = await _chosen(cluster, request, application)
        refusal = _refusal(application)
        if _content(application, states) != snapshot.fence.content:
            refusal = refusal or "the application or its objects changed since they were read"
        return Preview(
            accepted=refusal is None,
            by="computed by Argo CD: its comparison of the live objects with Git",
            diff=tuple(change for state in states for change in _shown(state)),
            warnings=("Git's state is put back: tell whoever changed it by hand",),
            refusal=refusal,
        )

    def blast_radius(self, request: ActionRequest, topology: Topology) -> BlastRadius:
        """The objects, the workloads that they lead to or that use them, and who depends on those."""
        parts = [reach(one, topology) for one in _wanted(request)]
        return BlastRadius(
            workloads=tuple(dict.fromkeys(w for part in parts for w in part.workloads)),
            services=tuple(dict.fromkeys(s for part in parts for s in part.services)),
            callers=tuple(dict.fromkeys(c for part in parts for c in part.callers)),
        )

    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """What is done, and its undo."""
        before = Before.model_validate_json(snapshot.state)
        names = ", ".join(f"{one.ref.kind.lower()} {one.ref.name}" for one in before.objects)
        name = Entity.parse(request.target).name
        did = f"Put {names} of application {name} back to what Git says ({before.revision[:7]})"
        return did, f"what was there by hand is written again, about {self.card.undo_seconds} s"

    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Mark the application, synchronise the objects. Raises ConflictError: nothing was done."""
        client, application = _client(cluster), await _read(cluster, request)
        if application.annotations.get(KEY) == key:
            return Applied(detail="it had been done before", resource_version=application.revision)
        states = await _chosen(cluster, request, application)
        if _content(application, states) != snapshot.fence.content:
            raise ConflictError(f"application {application.name} or its objects changed since: look again")
        if (refusal := _refusal(application)) is not None:
            raise ConflictError(refusal)
        refs = [one.ref for one in Before.model_validate_json(snapshot.state).objects]
        marks = {**cluster.labels, KEY: key, FROM: snapshot.fence.content}
        await client.mark(application, marks, automated=None, changes=False)
        await client.sync(application, refs)
        return Applied(detail=f"synchronising {len(refs)} objects", resource_version=application.revision)

    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:
        """Look for the key, and whether the objects still differ from Git."""
        application = await _read(cluster, request)
        if application.annotations.get(KEY) != key:
            return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text="the application has no such key")
        operation = application.operation
        if application.pending or (operation is not None and operation.phase == "Running"):
            text = (operation.message if operation else "") or "synchronising"
            return Progress(outcome=ActionOutcome.HAPPENED, done=False, text=text)
        before = Before.model_validate_json(snapshot.state)
        refs = {one.ref.key for one in before.objects}
        states = await _client(cluster).managed_resources(application.name, namespace=application.namespace)
        if application.annotations.get(FROM) == UNDONE:
            return _going_back(before, states)
        differing = [state for state in states if ObjectRef.of(state).key in refs and difference(state)]
        if not differing:
            return Progress(outcome=ActionOutcome.HAPPENED, done=True, text="as Git says")
        text = f"{', '.join(state.name for state in differing)} differ from Git"
        return Progress(outcome=ActionOutcome.UNKNOWN, done=False, text=text)

    async def undo(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Write the fields of before again, delete what was not there. Raises ConflictError when others changed it."""
        client, application = _client(cluster), await _read(cluster, request)
        before, begun = Before.model_validate_json(snapshot.state), application.annotations.get(KEY) == key
        states = await client.managed_resources(application.name, namespace=application.namespace)
        known = {ObjectRef.of(state).key: state for state in states}
        left = [one for one in before.objects if not (begun and _is_back(one, known))]
        if begun and not left:
            return Applied(detail="it had been undone before", resource_version=application.revision)
        changed = [one.ref.name for one in left if _touched(known.get(one.ref.key))]
        if changed or application.revision != before.revision:
            raise ConflictError(f"not undone: {', '.join(changed) or application.name} was changed again since")
        await client.mark(application, {**cluster.labels, KEY: key, FROM: UNDONE}, automated=None, changes=False)
        for one in left:
            if one.patch is None:
                await client.delete_object(application, one.ref)
            else:
                await client.patch_object(application, one.ref, json.loads(one.patch))
        return Applied(detail=f"{len(before.objects)} objects as before", resource_version=application.revision)


def _client(cluster: WriteCluster) -> ArgoCDClient:
    return configured(cluster.argocd, system=SYSTEM, cluster=cluster.name)


async def _read(cluster: WriteCluster, request: ActionRequest) -> Application:
    target = Entity.parse(request.target)
    if target.kind is not EntityKind.APPLICATION:
        raise PermanentError(f"argocd_sync is for an application, not for {target.label}")
    return await _client(cluster).application(target.name, namespace=target.namespace or "", refresh=True)


def _wanted(request: ActionRequest) -> tuple[EntityId, ...]:
    given = str(request.arguments.get("objects", ""))
    return tuple(EntityId(one.strip()) for one in given.split(",") if one.strip())


async def _chosen(
    cluster: WriteCluster, request: ActionRequest, application: Application
) -> tuple[ResourceStates, ...]:
    """The states of the wanted objects, in the order of the request."""
    states = await _client(cluster).managed_resources(application.name, namespace=application.namespace)
    known = {entity: state for state in states for entity in _entities(state, cluster, application)}
    wanted = _wanted(request)
    if not wanted:
        raise PermanentError("say which objects shall be put back: argument objects")
    if missing := [one for one in wanted if one not in known]:
        raise NotFoundError(f"application {application.name} manages no {', '.join(missing)}")
    if refused := [known[one] for one in wanted if known[one].kind in NOT_BY_SYNC]:
        raise PermanentError(f"{refused[0].kind} {refused[0].name} is not put back by a sync: look in Argo CD")
    return tuple(known[one] for one in wanted)


def _entities(state: ResourceStates, cluster: WriteCluster, application: Application) -> Iterator[EntityId]:
    kind = kind_of(state.kind)
    if kind is not None:
        yield entity_id(cluster.name, kind, state.name, state.namespace or application.destination_namespace or None)


def _back(state: ResourceStates) -> Back:
    """Raises PermanentError for what must not be kept: what looks like a secret is not written into a record."""
    if state.live is None:
        return Back(ref=ObjectRef.of(state), patch=None)
    desired, live = _fields(state.desired), _fields(state.live)
    patch = json.dumps(merge_patch(now=desired, wanted=_like(live, desired)), sort_keys=True)
    if redact(patch) != patch:
        raise PermanentError(f"{state.kind} {state.name} holds what looks like a secret: put it back in Argo CD")
    return Back(ref=ObjectRef.of(state), patch=patch)


def _fields(text: str | None) -> dict[str, Json]:
    """What a person writes of an object: no identity, no status."""
    found = json.loads(text or "{}")
    return {key: value for key, value in found.items() if key not in {"apiVersion", "kind", "metadata", "status"}}


def _like(live: Mapping[str, Json], desired: Mapping[str, Json]) -> dict[str, Json]:
    """The live values of the parts that Git states: the rest was defaulted and is not touched by a sync."""
    return {key: live[key] for key in desired if key in live}


def _shown(state: ResourceStates) -> Iterator[FieldChange]:
    found, name = difference(state), f"{state.kind.lower()}/{state.name}"
    if found is None:
        return
    if found.missing:
        yield FieldChange(path=name, before=None, after="created as Git says")
    for change in found.fields:
        yield FieldChange(path=f"{name}: {change.path}", before=change.after, after=change.before)


def _content(application: Application, states: Sequence[ResourceStates]) -> Digest:
    """Digest of what the approver saw: the deployed commit, and both states of the objects."""
    parts: list[Json] = [[_fields(state.desired), _fields(state.live), state.live is None] for state in states]
    last = application.history[-1].id if application.history else None
    return digest_of({"last": last, "revision": application.revision, "objects": parts})


def _refusal(application: Application) -> str | None:
    if application.sources > 1:
        return f"application {application.name} has several sources: synchronise it in Argo CD"
    if not application.level:
        return f"Git has commits of {application.name} that were not synchronised: a sync would bring them along"
    if application.operation is not None and application.operation.phase in ("Running", "Terminating"):
        return f"another operation of application {application.name} is under way"
    return None


def _is_back(one: Back, known: Mapping[tuple[str, str, str, str], ResourceStates]) -> bool:
    """Whether an object is what it was before the sync."""
    state = known.get(one.ref.key)
    return state is not None and _back(state) == one


def _going_back(before: Before, states: Sequence[ResourceStates]) -> Progress:
    """How far the undo has come. That it was begun is marked first: a mark alone says nothing."""
    known = {ObjectRef.of(state).key: state for state in states}
    if left := [one.ref.name for one in before.objects if not _is_back(one, known)]:
        text = f"the undo was begun, and {', '.join(left)} is not as before"
        return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text=text)
    return Progress(outcome=ActionOutcome.HAPPENED, done=True, text="as it was before")


def _touched(state: ResourceStates | None) -> bool:
    """Whether somebody changed an object since the sync made it what Git says."""
    return state is None or difference(state) is not None


ACTION = ArgoCDSync()
