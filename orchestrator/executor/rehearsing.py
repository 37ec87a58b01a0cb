"""Previews what a worker asked to have previewed: fence, snapshot and the target system's own dry-run. Changes nothing.

It runs in the executor's role, because a server-side dry-run needs the credentials of the change itself.
"""

from incidents.action import ActionRequest
from incidents.ids import IncidentId
from incidents.topology import Topology
from orchestrator.executor.context import ExecutorContext, Hands
from orchestrator.jobs import Task, enqueue
from orchestrator.store import rehearsals
from orchestrator.store.casefiles import load_case
from orchestrator.store.errors import StaleStateError
from orchestrator.store.rehearsals import Rehearsal, Rehearsed
from tools.errors import ToolError


async def rehearse(context: ExecutorContext, incident: IncidentId) -> None:
    """Answer all open requests of an incident, then wake its graph."""
    async with context.store.transaction() as tx:
        requested = await rehearsals.requested_rehearsals(tx, incident)
        topology = (await load_case(tx, incident, bodies=False)).topology
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
    """What the target system itself says of one request. Raises ToolError."""
    action, cluster = hands.action(request), hands.cluster(request)
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
    )
