"""A proposal as the product seals it, for one action, without the investigation before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from incidents.action import ActionRequest
from incidents.alert import Severity
from incidents.execution import Execution
from incidents.ids import ActionKind, CauseSlug, EntityId, IncidentId, PersonId
from incidents.incident import Phase
from incidents.policy import PolicyQuestion
from incidents.proposal import CostDelta, Proposal, ProposalBody, ProposedAction, Risk
from orchestrator.executor.rehearsing import rehearse
from orchestrator.policy.question import considered
from orchestrator.policy.ruling import asked_outside, ruling
from orchestrator.store.executions import executions_of
from orchestrator.store.incidents import Opening, insert_incidents, move
from orchestrator.store.proposals import save_proposal
from orchestrator.store.rehearsals import rehearsal_by, request_rehearsal
from orchestrator.version import GRAPH_VERSION
from tests.incidents.making import check
from tests.orchestrator.staging import Stage

INCIDENT = IncidentId("inc-aaaaaaaaaaaa")


def rollback(on: Stage, **arguments: Any) -> ActionRequest:
    """Roll the deploy of the reference incident back."""
    target = on.id("shop/deployment/checkout")
    return ActionRequest(kind=ActionKind("rollback_workload"), target=target, arguments=arguments)


async def sealed(
    on: Stage,
    *requests: ActionRequest,
    approvals: int = 1,
    lives_seconds: float = 900,
    requested_by: PersonId | None = None,
    incident: IncidentId = INCIDENT,
) -> Proposal:
    """Rehearse these requests for a new incident and put the sealed proposal before people."""
    await incident_for(on, incident, on.id("shop/deployment/checkout"))
    actions = [await _rehearsed(on, incident, request) for request in requests or (rollback(on),)]
    now = on.clock.now()
    question = PolicyQuestion(actions=considered(actions), at=now)
    verdict = ruling(on.bench.policy, question, outside=await asked_outside(on.bench.policy, question))
    body = ProposalBody(
        incident=incident,
        cause=CauseSlug("memory_limit_too_low"),
        entity=actions[0].request.target,
        confidence=0.9,
        actions=tuple(actions),
        checks=(check(entity=actions[0].request.target),),
        watch_seconds=360,
        cost=CostDelta(usd_per_hour=None, basis="not asked"),
        risk=Risk.LOW,
        policy=verdict.model_copy(update={"approvals": approvals}),
        evidence=(),
        created_at=now,
        expires_at=now + timedelta(seconds=lives_seconds),
    )
    proposal = Proposal.of(body)
    async with on.store.transaction() as tx:
        await save_proposal(tx, proposal, requested_by=requested_by)
    return proposal


async def rows(on: Stage, proposal: Proposal) -> tuple[Execution, ...]:
    """What is recorded of its execution."""
    async with on.store.transaction() as tx:
        return await executions_of(tx, proposal.digest)


async def row(on: Stage, proposal: Proposal) -> Execution:
    """The row of its first action."""
    return (await rows(on, proposal))[0]


async def incident_for(on: Stage, incident: IncidentId, entity: EntityId) -> None:
    """An incident that waits for a decision."""
    now = on.clock.now()
    async with on.store.transaction() as tx:
        await insert_incidents(
            tx,
            [
                Opening(
                    id=incident,
                    title="Checkout returns 5xx",
                    severity=Severity.SEV1,
                    cluster=on.cluster,
                    entities=(entity,),
                    groups=(f"{{}}:{{{incident}}}",),
                    opened_at=now,
                    started_at=now,
                    graph_version=GRAPH_VERSION,
                )
            ],
        )
        for phase in (Phase.INVESTIGATING, Phase.AWAITING_DECISION):
            await move(tx, incident, to=phase, because="test", actor="test", now=now)


async def _rehearsed(on: Stage, incident: IncidentId, request: ActionRequest) -> ProposedAction:
    async with on.store.transaction() as tx:
        asked = await request_rehearsal(tx, incident, request, attempt="1", now=on.clock.now())
    await rehearse(on.executor, incident)
    async with on.store.transaction() as tx:
        seen = (await rehearsal_by(tx, asked.id)).result
    assert seen is not None
    return ProposedAction(
        request=request,
        summary=seen.summary,
        fence=seen.snapshot.fence,
        snapshot=seen.snapshot,
        preview=seen.preview,
        blast_radius=seen.blast_radius,
        reversibility=seen.reversibility,
        undo=seen.undo,
        bounds=seen.bounds,
    )
