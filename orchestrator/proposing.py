"""Seals a proposal from what the plan wants, what the rehearsal saw, what policy says and what it costs."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from agents.cost.delta import cost_delta
from agents.planner.checks import rebased
from agents.planner.plan import NoPlan, Plan
from agents.planner.plan import plan as make_plan
from agents.planner.risk import risk
from incidents.action import ActionRequest
from incidents.canonical import canonical
from incidents.casefile import CaseFile
from incidents.evidence import Evidence
from incidents.ids import EntityId, IncidentId, ProposalDigest
from incidents.narrowing import widened
from incidents.policy import Effect, Findings, Policy, PolicyQuestion, Standing
from incidents.prediction import Prediction
from incidents.proposal import Alternative, Proposal, ProposalBody, ProposedAction
from incidents.rejection import Rejection
from incidents.value import Value
from incidents.verification import CheckRole, Measurement
from orchestrator.choosing import MOST_FALLBACKS, NONE, choose, together
from orchestrator.context import Workbench
from orchestrator.narrowing import NarrowedPlan, narrowed_plan
from orchestrator.policy.question import considered
from orchestrator.policy.ruling import ruling
from orchestrator.settings import Periods
from orchestrator.sparing import spared
from orchestrator.store import proposals, rehearsals
from orchestrator.store.casefiles import load_case
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.instructions import left_alone
from orchestrator.store.rehearsals import Rehearsal
from orchestrator.store.rejections import rejections_about
from orchestrator.store.transaction import Tx
from orchestrator.verification.measuring import gauge_for, take, usual
from tools.estate import Connections


class NothingToPropose(Value):
    """No action of the plan can be done; `why` says what stood against each."""

    why: str
    put_aside: tuple[Alternative, ...] = ()
    """What could be done, and what its rehearsal spoke against."""


async def plan_of(tx: Tx, bench: Workbench, incident: IncidentId) -> Plan | NoPlan:
    """The plan for the case as it stands, or what a person made of the last proposal.

    The same case gives the same plan, so a node that runs again agrees with itself.
    """
    alone = await left_alone(tx, incident)
    narrowed = await narrowed_plan(tx, incident)
    if narrowed is not None and spared(narrowed, alone=alone) == narrowed:
        return narrowed
    case = await load_case(tx, incident, bodies=False)
    diagnosis = await latest_diagnosis(tx, incident)
    if diagnosis is None:
        return NoPlan(reason="There is no diagnosis yet.")
    planned = make_plan(case, diagnosis, bench.library, bench.cards)
    return spared(planned, alone=alone)


def asked(plan: Plan) -> tuple[ActionRequest, ...]:
    """The requests that are rehearsed for a plan."""
    return (*plan.requests, *plan.fallbacks[:MOST_FALLBACKS])


async def measured_plan(bench: Workbench, incident: IncidentId) -> tuple[Plan | NoPlan, tuple[Evidence, ...]]:
    """The plan with its checks' baselines as they are now, and what was read for them.

    What a person narrowed keeps its checks as they were shown, or as that person wants them.
    """
    async with bench.store.transaction() as tx:
        planned = await plan_of(tx, bench, incident)
    if isinstance(planned, NoPlan | NarrowedPlan):
        return planned, ()
    gauge = gauge_for(bench, incident)
    taken, before = await asyncio.gather(
        take(gauge, planned.checks, now=bench.clock.now()), usual(gauge, planned.checks, before=planned.usual_at)
    )
    evidence = tuple(evidence for _, evidence in taken if evidence)
    return measured(planned, [measurement for measurement, _ in taken], usual=before), evidence


def measured(plan: Plan, taken: Sequence[Measurement], *, usual: Sequence[float | None]) -> Plan:
    """The plan with these measurements, one per check, as the baselines of its checks; `usual`: before it began.

    A guard over requests that nobody makes (it was asked, and there is no figure) guards nothing: it is left out, or an
    idle workload could never be verified.
    """
    checks = [
        check if measurement.value is None else rebased(check, baseline=measurement.value, healthy=before)
        for check, measurement, before in zip(plan.checks, taken, usual, strict=True)
        if check.role is not CheckRole.GUARD or measurement.value is not None or measurement.evidence is None
    ]
    return plan.model_copy(update={"checks": tuple(checks)})


async def propose(
    tx: Tx,
    bench: Workbench,
    incident: IncidentId,
    planned: Plan | NoPlan,
    *,
    attempt: int,
    standing: Standing = Standing(),  # noqa: B008 - a frozen value
    outside: Findings | None = None,
    predictions: Mapping[bytes, Prediction] = NONE,
) -> Proposal | NothingToPropose:
    """Seal the proposal of this attempt, or say why there is none."""
    if isinstance(planned, NoPlan):
        return NothingToPropose(why=planned.reason)
    answers = await answered(tx, incident, planned, attempt=attempt)
    case = await load_case(tx, incident, bodies=False)
    before = await proposals.proposal_of(tx, incident)
    now = tx.clock.now()
    made = sealed(
        planned,
        answers,
        case=case,
        rejections=await rejections_about(tx, cause=planned.cause, entity=planned.entity, now=now),
        policy=bench.policy,
        periods=bench.settings.periods,
        connections=bench.cluster(case.incident.cluster).connections,
        standing=standing,
        outside=outside,
        predictions=predictions,
        alone=await left_alone(tx, incident),
        supersedes=before.proposal.digest if before is not None and attempt > 1 else None,
    )
    if not isinstance(planned, NarrowedPlan) or not isinstance(made, Proposal) or before is None:
        return made
    wider = widened(before.proposal.body, made.body)
    return NothingToPropose(why="; ".join(wider)) if wider else made


def sealed(
    plan: Plan,
    answers: Mapping[bytes, Rehearsal],
    *,
    case: CaseFile,
    policy: Policy | None,
    periods: Periods,
    connections: Connections,
    standing: Standing = Standing(),  # noqa: B008 - a frozen value
    outside: Findings | None = None,
    rejections: Sequence[Rejection] = (),
    predictions: Mapping[bytes, Prediction] = NONE,
    alone: Collection[EntityId] = (),
    supersedes: ProposalDigest | None = None,
) -> Proposal | NothingToPropose:
    """The proposal of a rehearsed plan. `answers` are the rehearsals by their request in canonical form. Pure.

    `standing` is what has been used of limits and pre-approvals, `outside` what the policy's OPA server answered,
    `rejections` what people said of earlier proposals for this cause at this entity, `predictions` what became of
    single requests in their twins, `alone` what people want left alone.
    """
    chosen, refused = choose(plan, answers, rejections, incident=case.incident.id, predictions=predictions, alone=alone)
    if not chosen or (refused and isinstance(plan, NarrowedPlan)):
        return NothingToPropose(
            why="; ".join(f"{_asked(item.request)}: {item.because}" for item in refused),
            put_aside=tuple(item for item in refused if item.rehearsed is not None),
        )
    actions = tuple(_action(rehearsal) for rehearsal in chosen)
    now = max(rehearsal.ended_at or rehearsal.requested_at for rehearsal in chosen)
    cost = cost_delta(case, actions, connections=connections)
    question = PolicyQuestion(
        actions=considered(actions),
        at=now,
        incident=case.incident.id,
        cause=plan.cause,
        confidence=plan.confidence,
        usd_per_hour=cost.usd_per_hour,
        standing=standing,
    )
    narrowed = plan if isinstance(plan, NarrowedPlan) else None
    verdict = ruling(policy, question, outside=outside, preapproved=narrowed is None)
    body = ProposalBody(
        incident=case.incident.id,
        cause=plan.cause,
        entity=plan.entity,
        confidence=plan.confidence,
        actions=actions,
        checks=plan.checks,
        watch_seconds=int(periods.watch_seconds),
        cost=cost,
        risk=risk([(action.reversibility, action.blast_radius) for action in actions]),
        policy=verdict,
        rehearsal=together(chosen, predictions),
        evidence=plan.evidence,
        alternatives=(*plan.alternatives, *refused),
        created_at=now,
        expires_at=now + timedelta(seconds=periods.expiry_seconds or verdict.expires_in_seconds),
        supersedes=supersedes,
    )
    return Proposal.of(body if narrowed is None else _as_narrowed(body, narrowed))


def _as_narrowed(body: ProposalBody, plan: NarrowedPlan) -> ProposalBody:
    """With who made it so. It never lives longer than what it replaces, and is watched for as long as they chose."""
    return body.model_copy(
        update={
            "watch_seconds": plan.watch_seconds,
            "expires_at": min(body.expires_at, plan.expires_by),
            "narrowings": plan.narrowings,
        }
    )


def _asked(request: ActionRequest) -> str:
    """`scale_workload (replicas 12)`."""
    said = ", ".join(f"{name} {value}" for name, value in request.arguments.items())
    return f"{request.kind} ({said})" if said else request.kind


async def answered(tx: Tx, incident: IncidentId, plan: Plan, *, attempt: int) -> Mapping[bytes, Rehearsal]:
    """The rehearsals of an attempt, by their request in canonical form."""
    found: dict[bytes, Rehearsal] = {}
    for request in asked(plan):
        rehearsal = await rehearsals.request_rehearsal(tx, incident, request, attempt=str(attempt), now=tx.clock.now())
        found[canonical(request)] = rehearsal
    return found


def _action(rehearsal: Rehearsal) -> ProposedAction:
    seen = rehearsal.result
    if seen is None:
        raise ValueError(f"rehearsal {rehearsal.id} was chosen without a result")
    return ProposedAction(
        request=rehearsal.request,
        summary=seen.summary,
        fence=seen.snapshot.fence,
        snapshot=seen.snapshot,
        preview=seen.preview,
        blast_radius=seen.blast_radius,
        reversibility=seen.reversibility,
        undo=seen.undo,
        bounds=seen.bounds,
    )


def executable(proposal: Proposal) -> bool:
    """Whether a person may be asked about it."""
    return proposal.body.policy.effect is not Effect.DENY
