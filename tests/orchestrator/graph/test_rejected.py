"""A rejection in the whole story: the next best is proposed when it is wanted, and the rejected one is not made again."""

from __future__ import annotations

from incidents.approval import Accepted, Channel, Choice
from incidents.incident import Phase
from incidents.rejection import Wish
from orchestrator.decisions import decide
from orchestrator.store.proposals import StoredProposal
from tests.orchestrator.staging import ONCALL, Stage

REASON = "the revision before has a known data bug"


async def reject(on: Stage, stored: StoredProposal, *, another: bool) -> None:
    answer = await decide(
        on.store,
        stored.proposal.digest,
        person=ONCALL,
        choice=Choice.REJECT,
        reason=REASON,
        channel=Channel.CONSOLE,
        now=on.clock.now(),
        wish=Wish(another=another),
    )
    assert isinstance(answer, Accepted)


async def test_who_wants_another_gets_the_next_best_with_the_reason_beside_it(on: Stage) -> None:
    incident = await on.until(Phase.AWAITING_DECISION)
    [first] = await on.proposals(incident.id)
    await reject(on, first, another=True)
    await on.until(Phase.AWAITING_DECISION)
    proposals = await on.proposals(incident.id)
    rejected = [action.request.kind for action in first.proposal.body.actions]
    second = proposals[-1].proposal.body
    assert second.supersedes == first.proposal.digest
    assert [action.request.kind for action in second.actions] != rejected
    why = [other for other in second.alternatives if other.rejection == first.proposal.digest]
    assert REASON in why[0].because
    assert ONCALL.name in why[0].because


async def test_without_the_wish_the_incident_is_peoples(on: Stage) -> None:
    incident = await on.until(Phase.AWAITING_DECISION)
    [first] = await on.proposals(incident.id)
    await reject(on, first, another=False)
    assert (await on.until(Phase.REJECTED)).phase is Phase.REJECTED
    assert len(await on.proposals(incident.id)) == 1
