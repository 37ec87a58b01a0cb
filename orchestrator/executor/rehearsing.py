"""Previews what a worker asked to have previewed: fence, snapshot and the target system's own dry-run. Changes nothing.

It runs in the executor's role, because a server-side dry-run needs the credentials of the change itself, and so does
the question whether these credentials may do all of it.
"""

from collections.abc import Sequence

from incidents.action import ActionRequest
from incidents.bound import bounds_of
from incidents.ids import IncidentId
from incidents.topology import Topology
from orchestrator.executor.cloning import on_a_clone
from orchestrator.executor.context import ExecutorContext, Hands
from orchestrator.executor.readiness import lacking
from orchestrator.jobs import Task, enqueue
from orchestrator.store import rehearsals
from orchestrator.store.casefiles import topology_of
from orchestrator.store.errors import StaleStateError
from orchestrator.store.rehearsals import Rehearsal, Rehearsed
from tools.action import Action
from tools.errors import ForbiddenError, ToolError
from tools.estate import WriteCluster


async def rehearse(context: ExecutorContext, incident: IncidentId) -> None:
    """Answer all open requests of an incident, then wake its graph."""
    async with context.store.transaction() as tx:
        requested = await rehearsals.requested_rehearsals(tx, incident)
        topology = await topology_of(tx, (incident,))
    for rehearsal in requested:
        await _answer(context, rehearsal, topology)
    async with context.store.transaction() as tx:
        await enqueue(tx, Task.ADVANCE, incident)


async def _answer(context: ExecutorContext, rehearsal: Rehearsal, topology: Topology) -> None:
    problem, result = "", None
    try:
        result = await preview(context, rehearsal.request, topology)
    except ToolError as error:
        problem = str(error)
    try:
        async with context.store.transaction() as tx:
            await rehearsals.finish_rehearsal(tx, rehearsal.id, result=result, problem=problem, now=context.clock.now())
    except StaleStateError:
        return  # Another executor answered it in the meantime; its answer is as good.


async def preview(hands: Hands, request: ActionRequest, topology: Topology) -> Rehearsed:
    """What the target system itself says of one request.

    Raises ToolError; ForbiddenError names every permission that the change or its undo lacks, so that nobody is asked
    to approve what cannot be done.
    """
    action, cluster = hands.action(request), hands.cluster(request)
    try:
        rehearsed = await _rehearsed(cluster, action, request, topology)
    except ForbiddenError as error:
        raise ForbiddenError(_denied(await _lacking(cluster, action, request), str(error))) from error
    if missing := await _lacking(cluster, action, request):
        raise ForbiddenError(_denied(missing))
    return rehearsed


async def _rehearsed(cluster: WriteCluster, action: Action, request: ActionRequest, topology: Topology) -> Rehearsed:
    snapshot = await action.capture(cluster, request)
    seen = await action.preview(cluster, request, snapshot)
    summary, undo = action.summarise(request, snapshot)
    return Rehearsed(
        snapshot=snapshot,
        preview=seen,
        blast_radius=action.blast_radius(request, topology),
        reversibility=action.card.reversibility,
        summary=summary,
        undo=undo,
        bounds=bounds_of(action.card.narrows, request.arguments, captured=snapshot.state),
        clone=await on_a_clone(cluster, action, request) if seen.accepted else "",
    )


async def _lacking(cluster: WriteCluster, action: Action, request: ActionRequest) -> tuple[str, ...]:
    """What the access review says; nothing when nobody answers it: then the dry-run alone has to tell."""
    try:
        return await lacking(cluster, action, request)
    except ToolError:
        return ()


def _denied(missing: Sequence[str], also: str = "") -> str:
    """`Midwatch's executor may not do this here: it lacks patch deployments.apps in shop`."""
    if not missing:
        return also
    text = f"Midwatch's executor may not do this here: it lacks {', '.join(missing)}"
    return f"{text} ({also})" if also else text
