"""Rolls an Argo CD application back to an entry of its history, where its desired state is kept.

Argo CD refuses to roll back while automated sync is on, because it would sync forward again at once. So it is turned
off first, which is said before, and stays off until somebody repairs Git and turns it on, or until the undo does.
"""

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
from incidents.canonical import digest_of
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind, Digest
from incidents.reach import reach
from incidents.topology import Topology
from incidents.value import Value
from tools.action import ActionCard, Applied, Progress
from tools.argocd.application import Application, AutoSync, Deployed
from tools.argocd.client import SYSTEM, ArgoCDClient
from tools.errors import ConflictError, NotFoundError, PermanentError, ToolError
from tools.estate import WriteCluster
from tools.observing import configured

KEY = "midwatch.dev/action-key"
"""Annotation: key of the action that changed the object last. The name that the actions on Kubernetes objects use."""
FROM = "midwatch.dev/action-from"
"""Annotation: what the application was before that action; `undone` when the action was the undo of one."""
UNDONE = "undone"
HEALTHY = ("Healthy", "Suspended")


class Before(Value):
    """What is captured: where the application stood, and where it shall go."""

    to: Deployed
    last: Deployed
    revision: str
    auto_sync: AutoSync | None


class ArgoCDRollback:
    """See the module."""

    card = ActionCard(
        kind=ActionKind("argocd_rollback"),
        title="Roll an Argo CD application back",
        describe="Synchronises an application to an earlier entry of its history; turns automated sync off for it.",
        targets=(EntityKind.APPLICATION,),
        arguments={"to_id": "id of the history entry to go back to; the previous one when not given"},
        reversibility=Reversibility.EXACT,
        undo_seconds=60,
    )

    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """Read the application. Raises NotFoundError when it or the history entry does not exist."""
        application = await _read(cluster, request)
        if not application.history:
            raise NotFoundError(f"application {application.name} has no history to go back in")
        if application.sources > 1:
            raise PermanentError(f"application {application.name} has several sources: roll it back in Argo CD")
        state = Before(
            to=_entry(application, request),
            last=application.history[-1],
            revision=application.revision,
            auto_sync=application.auto_sync,
        )
        fence = Fence(
            uid=application.uid or application.name,
            content=_content(application),
            facets={"revision": application.history[-1].revision},
        )
        return Snapshot(target=request.target, taken_at=cluster.clock.now(), fence=fence, state=state.model_dump_json())

    async def preview(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot) -> Preview:
        """From history: Argo CD answers no dry-run while automated sync is on."""
        application, state = await _read(cluster, request), Before.model_validate_json(snapshot.state)
        diff = [FieldChange(path="status.sync.revision", before=state.last.revision, after=state.to.revision)]
        warnings = [f"Git still says {application.target_revision or 'HEAD'}: repair it, or the next sync undoes this"]
        if state.auto_sync is not None:
            diff.append(FieldChange(path="spec.syncPolicy.automated", before=_text(state.auto_sync), after=None))
            warnings.append("automated sync is turned off first, as Argo CD requires, and stays off")
        return Preview(
            accepted=(refusal := _refusal(application, state)) is None,
            by="computed from the application's history: Argo CD has no dry-run while automated sync is on",
            diff=tuple(diff),
            warnings=tuple(warnings),
            refusal=refusal,
        )

    def blast_radius(self, request: ActionRequest, topology: Topology) -> BlastRadius:
        """Everything that the application deploys, and who depends on it."""
        return reach(request.target, topology)

    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """What is done, and its undo."""
        state, name = Before.model_validate_json(snapshot.state), Entity.parse(request.target).name
        did = f"Roll application {name} back to {state.to.revision[:7]} (history {state.to.id})"
        policy = " and turn automated sync on again" if state.auto_sync else ""
        return did, f"back to {state.last.revision[:7]} (history {state.last.id}){policy}, about 60 s"

    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Mark the application, turn automated sync off, roll back. Raises ConflictError: nothing was done."""
        client, application = _client(cluster), await _read(cluster, request)
        state = Before.model_validate_json(snapshot.state)
        if _content(application) != snapshot.fence.content:
            raise ConflictError(f"application {application.name} was synchronised or changed since: look again")
        if (refusal := _refusal(application, state)) is not None:
            raise ConflictError(refusal)
        marks = {**cluster.labels, KEY: key, FROM: snapshot.fence.content}
        await client.mark(application, marks, automated=None, changes=state.auto_sync is not None)
        try:
            await client.rollback(application.name, to_id=state.to.id, namespace=application.namespace)
        except PermanentError as error:
            await _as_before(client, application, state, refused=error)
            raise
        return Applied(detail=f"rolling back to {state.to.revision[:7]}", resource_version=state.to.revision)

    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:
        """Look for the key, and for a later history entry or a running operation of the wanted revision."""
        application, state = await _read(cluster, request), Before.model_validate_json(snapshot.state)
        if application.annotations.get(KEY) != key:
            return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text="the application has no such key")
        if application.pending or (application.operation and application.operation.phase == "Running"):
            text = (application.operation.message if application.operation else "") or "synchronising"
            return Progress(outcome=ActionOutcome.HAPPENED, done=False, text=text)
        back = application.annotations.get(FROM) == UNDONE
        return _going_back(application, state) if back else _progress(application, state, snapshot)

    async def undo(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Roll forward again and restore automated sync. Raises ConflictError when others changed it."""
        client, application = _client(cluster), await _read(cluster, request)
        state, now = Before.model_validate_json(snapshot.state), application.history[-1].revision
        if application.annotations.get(KEY) == key and _is_back(application, state):
            return Applied(detail="it had been undone before", resource_version=now)
        if now not in (state.to.revision, state.last.revision) or application.auto_sync is not None:
            raise ConflictError(f"somebody changed application {application.name} since: it is not put back")
        await client.mark(application, {**cluster.labels, KEY: key, FROM: UNDONE}, automated=None, changes=False)
        if now != state.last.revision:
            await client.rollback(application.name, to_id=state.last.id, namespace=application.namespace)
        if state.auto_sync is not None:
            await client.mark(application, {KEY: key}, automated=state.auto_sync, changes=True)
        return Applied(detail=f"back to {state.last.revision[:7]}", resource_version=state.last.revision)


def _client(cluster: WriteCluster) -> ArgoCDClient:
    return configured(cluster.argocd, system=SYSTEM, cluster=cluster.name)


async def _read(cluster: WriteCluster, request: ActionRequest) -> Application:
    target = Entity.parse(request.target)
    if target.kind is not EntityKind.APPLICATION:
        raise PermanentError(f"argocd_rollback is for an application, not for {target.label}")
    return await _client(cluster).application(target.name, namespace=target.namespace or "", refresh=True)


def _entry(application: Application, request: ActionRequest) -> Deployed:
    """The wanted entry; without an id, the newest one of another revision."""
    wanted = request.arguments.get("to_id")
    if wanted is None:
        now = application.history[-1].revision
        earlier = [entry for entry in application.history if entry.revision != now]
        if not earlier:
            raise NotFoundError(f"application {application.name} never had another revision")
        return earlier[-1]
    found = next((entry for entry in application.history if entry.id == wanted), None)
    if found is None:
        known = ", ".join(str(entry.id) for entry in application.history)
        raise NotFoundError(f"application {application.name} has no history entry {wanted}: it has {known}")
    return found


def _content(application: Application) -> Digest:
    """Digest of what the approver saw: the last deployment, what Git branch it follows, the sync policy."""
    return digest_of(
        {
            "last": application.history[-1].id if application.history else None,
            "target": application.target_revision,
            "path": application.path,
            "auto_sync": application.auto_sync.model_dump() if application.auto_sync else None,
        }
    )


def _refusal(application: Application, state: Before) -> str | None:
    if state.to.revision == state.last.revision:
        return f"application {application.name} is at {state.to.revision[:7]} already"
    if application.operation is not None and application.operation.phase in ("Running", "Terminating"):
        return f"another operation of application {application.name} is under way"
    return None


async def _as_before(client: ArgoCDClient, application: Application, state: Before, *, refused: PermanentError) -> None:
    """Turn automated sync on again, which was turned off for a rollback that Argo CD then refused."""
    if state.auto_sync is None:
        return
    try:
        await client.mark(application, {}, automated=state.auto_sync, changes=True)
    except ToolError as error:
        name = application.name
        why = f"automated sync of {name} was turned off for it and is still off ({error}): turn it on"
        raise PermanentError(f"{refused}; {why}") from error


def _is_back(application: Application, state: Before) -> bool:
    """Whether the undo came to its end: where automated sync was on, turning it on again is its last step."""
    if state.auto_sync is not None:
        return application.auto_sync == state.auto_sync
    return application.history[-1].revision == state.last.revision


def _going_back(application: Application, state: Before) -> Progress:
    """How far the undo has come. That it was begun is marked first: a mark alone says nothing."""
    latest = application.history[-1]
    if _is_back(application, state):
        text = f"back at {latest.revision[:7]}, {application.health.lower() or 'health unknown'}"
        return Progress(outcome=ActionOutcome.HAPPENED, done=application.health in HEALTHY, text=text)
    text = f"the undo was begun, and the application is still at {latest.revision[:7]}"
    if state.auto_sync is not None and latest.revision == state.last.revision:
        text = f"the application is back at {latest.revision[:7]}, and its automated sync is still off"
    return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text=text)


def _progress(application: Application, state: Before, snapshot: Snapshot) -> Progress:
    operation, latest = application.operation, application.history[-1]
    started = operation is not None and operation.started_at is not None and operation.started_at >= snapshot.taken_at
    if latest.id > state.last.id:
        done = application.health in HEALTHY
        text = f"at {latest.revision[:7]}, {application.health.lower() or 'health unknown'}"
        return Progress(outcome=ActionOutcome.HAPPENED, done=done, text=text)
    if started and operation is not None and operation.phase in ("Failed", "Error"):
        text = f"Argo CD could not synchronise: {operation.message}"
        return Progress(outcome=ActionOutcome.HAPPENED, done=True, text=text)
    text = "automated sync is off, and nothing says that the rollback itself was started"
    return Progress(outcome=ActionOutcome.UNKNOWN, done=False, text=text)


def _text(policy: AutoSync) -> str:
    return f"prune={str(policy.prune).lower()} selfHeal={str(policy.self_heal).lower()}"


ACTION = ArgoCDRollback()
