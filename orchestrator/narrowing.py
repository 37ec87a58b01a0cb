"""From a person's change of a proposal to the plan that is previewed, rehearsed and put before policy in its place."""

from datetime import datetime

from agents.planner.plan import Plan
from incidents.ids import IncidentId, ProposalDigest
from incidents.incident import EventKind
from incidents.narrowed import Narrowing
from incidents.proposal import ProposalBody, ProposalStatus
from orchestrator.store.narrowings import Asked, narrowing_of, note_problem
from orchestrator.store.proposals import proposal_of
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx


class NarrowedPlan(Plan):
    """What somebody made of a proposal. It has no fallbacks: who chose less did not choose something else."""

    of: ProposalDigest
    """The proposal that it replaces."""
    narrowings: tuple[Narrowing, ...]
    """Every change since Midwatch's own proposal, oldest first."""
    expires_by: datetime


async def narrowed_plan(tx: Tx, incident: IncidentId) -> NarrowedPlan | None:
    """The plan of the change for which the newest proposal was withdrawn; None when there is none."""
    newest = await proposal_of(tx, incident)
    if newest is None or newest.status is not ProposalStatus.SUPERSEDED:
        return None
    asked = await narrowing_of(tx, newest.proposal.digest)
    return None if asked is None or asked.problem else plan_for(newest.proposal.body, asked)


def plan_for(body: ProposalBody, asked: Asked) -> NarrowedPlan:
    """The plan of a change of this proposal. Pure."""
    narrower = asked.narrower
    made = Narrowing(
        of=asked.digest, by=asked.person.id, name=asked.person.name, at=asked.at, differences=narrower.differences
    )
    return NarrowedPlan(
        cause=body.cause,
        entity=body.entity,
        confidence=body.confidence,
        requests=narrower.requests,
        checks=narrower.checks,
        watch_seconds=narrower.watch_seconds,
        alternatives=body.alternatives,
        risk=body.risk,
        evidence=body.evidence,
        of=asked.digest,
        narrowings=(*body.narrowings, made),
        expires_by=narrower.expires_at,
    )


async def give_up(tx: Tx, plan: NarrowedPlan, *, incident: IncidentId, why: str) -> None:
    """Nothing can be proposed of it: say so, and let the plan of the case stand again."""
    await note_problem(tx, plan.of, why)
    changed = plan.narrowings[-1]
    await append_event(
        tx,
        incident,
        kind=EventKind.PROPOSAL,
        actor="planner",
        text=f"What {changed.name} made of the proposal cannot be done ({why}): it is proposed again as it was",
        at=tx.clock.now(),
        refs=(plan.of,),
        key=f"given-up:{plan.of}",
    )
