"""Which of a plan's actions are proposed: a change that would reach what people want left alone is none of them."""

from __future__ import annotations

from agents.planner.plan import Plan
from incidents.action import ActionRequest, BlastRadius
from incidents.canonical import canonical
from incidents.ids import ActionKind, EntityId
from incidents.proposal import Risk
from orchestrator.choosing import choose
from orchestrator.store.rehearsals import Rehearsal, RehearsalStatus, Rehearsed
from tests.incidents.making import CHECKOUT, NOW, proposal, proposed
from tests.orchestrator.making import INCIDENT

POD = EntityId("prod-eu/shop/pod/checkout-1")


def rehearsed(request: ActionRequest, reach: BlastRadius) -> Rehearsal:
    seen = proposed()
    result = Rehearsed(
        snapshot=seen.snapshot,
        preview=seen.preview,
        blast_radius=reach,
        reversibility=seen.reversibility,
        summary=seen.summary,
        undo=seen.undo,
    )
    return Rehearsal(
        id="re-1",
        incident=INCIDENT,
        request=request,
        status=RehearsalStatus.DONE,
        result=result,
        requested_at=NOW,
        ended_at=NOW,
    )


def test_a_fallback_comes_in_the_place_of_what_would_reach_a_workload_that_is_left_alone() -> None:
    first = ActionRequest(kind=ActionKind("delete_pod"), target=POD)
    second = ActionRequest(kind=ActionKind("cordon_node"), target=EntityId("prod-eu/-/node/worker-1"))
    body = proposal().body
    plan = Plan(
        cause=body.cause,
        entity=CHECKOUT,
        confidence=0.9,
        requests=(first,),
        fallbacks=(second,),
        checks=body.checks,
        risk=Risk.LOW,
    )
    answers = {
        canonical(first): rehearsed(first, BlastRadius(workloads=(CHECKOUT,), pods=1)),
        canonical(second): rehearsed(second, BlastRadius(nodes=(second.target,))),
    }
    free, _ = choose(plan, answers, (), incident=INCIDENT)
    assert [one.request for one in free] == [first]
    chosen, refused = choose(plan, answers, (), incident=INCIDENT, alone=(CHECKOUT,))
    assert [one.request for one in chosen] == [second]
    assert [one.because for one in refused] == ["people said to leave checkout alone"]
