"""A person wants less than is proposed: it is previewed, rehearsed and approved anew, and exactly that is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from incidents.approval import Accepted, Channel, Person, Refusal, Refused
from incidents.incident import Incident, Phase
from incidents.narrowing import StepWish, Wanted
from incidents.proposal import ProposalStatus
from orchestrator.changing import Changed, change
from orchestrator.executor.gate import wider
from orchestrator.steering import rehearse_again
from orchestrator.store.proposals import StoredProposal
from tests.incidents.making import person
from tests.orchestrator.staging import DEPLOYMENT, ONCALL, Stage, stage

TOO_FEW = Path(__file__).resolve().parents[3] / "evals/scenarios/manual-change/checkout-too-few.yaml"
FIVE = Wanted(arguments=(StepWish(step=1, arguments={"replicas": 5}),))


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    """Somebody scaled checkout to three pods; Midwatch proposes six."""
    async with stage(tmp_path, database_url, TOO_FEW) as made:
        yield made


async def proposed(on: Stage) -> tuple[Incident, StoredProposal]:
    incident = await on.until(Phase.AWAITING_DECISION)
    stored = (await on.proposals(incident.id))[-1]
    assert stored.proposal.body.actions[0].request.arguments == {"replicas": 6}
    return incident, stored


async def narrow(on: Stage, stored: StoredProposal, wanted: Wanted = FIVE, *, who: Person = ONCALL) -> Any:
    return await change(
        on.store, stored.proposal.digest, person=who, wanted=wanted, channel=Channel.API, now=on.clock.now()
    )


async def test_what_was_narrowed_is_what_runs(on: Stage) -> None:
    incident, first = await proposed(on)
    assert isinstance(await narrow(on, first), Changed)
    assert (await on.incident(incident.id)).phase is Phase.INVESTIGATING
    await on.until(Phase.AWAITING_DECISION)

    old, new = await on.proposals(incident.id)
    assert (old.status, new.status) == (ProposalStatus.SUPERSEDED, ProposalStatus.PENDING)
    before, body = old.proposal.body, new.proposal.body
    assert new.proposal.digest != old.proposal.digest
    assert body.supersedes == old.proposal.digest
    assert [one.text for one in body.narrowings] == ["narrowed by dana: replicas of checkout 6 -> 5"]
    [action] = body.actions
    assert action.request.arguments == {"replicas": 5}
    assert [(change.before, change.after) for change in action.preview.diff] == [("3", "5")], "previewed anew"
    assert body.rehearsal is not None, "tried in a twin anew"
    assert body.checks == before.checks
    assert body.expires_at <= before.expires_at
    assert wider(new.proposal, [old.proposal]) is None

    late = await on.decide(old.proposal.digest)
    assert isinstance(late, Refused)
    assert late.refusal is Refusal.NOT_PENDING
    assert "dana narrowed it" in late.message
    assert on.deployment()["spec"]["replicas"] == 3
    assert isinstance(await on.decide(new.proposal.digest), Accepted)
    ended = await on.until()
    assert on.deployment()["spec"]["replicas"] == 5
    assert ended.phase in (Phase.VERIFIED, Phase.UNDONE, Phase.ESCALATED)
    kinds = await on.ledger(incident.id)
    assert [kind for kind in kinds if kind not in ("diagnosed", "incident_opened", "incident_closed")][:7] == [
        "proposed", "narrowed", "superseded", "proposed", "decision_refused", "decided", "dispatched",
    ]  # fmt: skip


async def test_it_can_be_narrowed_again_and_only_a_fresh_rehearsal_is_the_way_back(on: Stage) -> None:
    incident, first = await proposed(on)
    await narrow(on, first)
    await on.until(Phase.AWAITING_DECISION)
    second = (await on.proposals(incident.id))[-1]
    back = Wanted(arguments=(StepWish(step=1, arguments={"replicas": 6}),))
    refused = await narrow(on, second, back)
    assert "choose 4 to 5 (3 now)" in refused.message
    four = Wanted(arguments=(StepWish(step=1, arguments={"replicas": 4}),))
    assert isinstance(await narrow(on, second, four, who=person("lee", "owner")), Changed)
    await on.until(Phase.AWAITING_DECISION)
    third = (await on.proposals(incident.id))[-1].proposal.body
    assert [one.name for one in third.narrowings] == ["dana", "lee"]
    assert third.actions[0].request.arguments == {"replicas": 4}
    await rehearse_again(
        on.store, incident=incident.id, person=ONCALL, channel=Channel.API, now=on.clock.now(), key="again"
    )
    await on.until(Phase.AWAITING_DECISION)
    whole = (await on.proposals(incident.id))[-1].proposal.body
    assert (whole.actions[0].request.arguments, whole.narrowings) == ({"replicas": 6}, ())


async def test_a_target_that_moved_meanwhile_brings_the_whole_plan_again(on: Stage) -> None:
    incident, first = await proposed(on)
    await narrow(on, first)
    item = on.deployment()
    item["spec"]["replicas"] = 5
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-scale")
    await on.until(Phase.AWAITING_DECISION, Phase.ESCALATED)
    assert any("What dana made of the proposal cannot be done" in line for line in await on.told(incident.id))
    newest = (await on.proposals(incident.id))[-1].proposal.body
    assert (newest.actions[0].request.arguments, newest.narrowings) == ({"replicas": 6}, ())
