"""Attacks by changing a proposal: a change that widens, names something else, comes late, or lends itself approval."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from incidents.action import ActionRequest
from incidents.approval import Accepted, Channel, Refusal, Refused
from incidents.ids import ActionKind
from incidents.narrowed import Difference, Narrowing
from incidents.narrowing import NotNarrower, StepWish, Wanted
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.changing import change
from orchestrator.executor.running import run
from orchestrator.store.proposals import proposal_by, save_proposal, set_proposal_status
from tests.attacks.attack import attack
from tests.attacks.ground import bearer, click, house, nothing_ran
from tests.incidents.making import person
from tests.orchestrator.executor.sealing import INCIDENT, sealed
from tests.orchestrator.staging import Stage


def scale(on: Stage, to: int) -> ActionRequest:
    """Six pods run; this wants another number."""
    target = on.id("shop/deployment/checkout")
    return ActionRequest(kind=ActionKind("scale_workload"), target=target, arguments={"replicas": to})


async def changed(on: Stage, proposal: Proposal, body: object, *, who: str = "dana") -> httpx.Response:
    """Change it by the API, over HTTP."""
    async with httpx.AsyncClient(base_url=house(on), timeout=60) as client:
        return await client.post(f"/api/v1/proposals/{proposal.digest}/change", json=body, headers=bearer(who))


def replicas(number: Any, **more: Any) -> dict[str, Any]:
    return {"arguments": [{"step": 1, "arguments": {"replicas": number}}], **more}


def pods(on: Stage) -> int:
    return int(on.deployment()["spec"]["replicas"])


async def stands(on: Stage, proposal: Proposal) -> bool:
    """Whether it is still what people decide on."""
    async with on.store.transaction() as tx:
        return (await proposal_by(tx, proposal.digest)).status is ProposalStatus.PENDING


async def narrowed(on: Stage, proposal: Proposal, to: int, **changes: Any) -> Proposal:
    """What Midwatch would seal of a change, written into the database without its rules being asked."""
    [action] = proposal.body.actions
    request = action.request.model_copy(update={"arguments": {"replicas": to}})
    made = Narrowing(
        of=proposal.digest,
        by=person("dana").id,
        name="dana",
        at=on.clock.now(),
        differences=(Difference(step=1, what="replicas of checkout", before="12", after=str(to)),),
    )
    update = {"actions": (action.model_copy(update={"request": request}),), "narrowings": (made,)}
    sealed_ = Proposal.of(proposal.body.model_copy(update=update | {"supersedes": proposal.digest} | changes))
    async with on.store.transaction() as tx:
        await set_proposal_status(
            tx, proposal.digest, to=ProposalStatus.SUPERSEDED, sources=[ProposalStatus.PENDING], now=on.clock.now()
        )
        await save_proposal(tx, sealed_)
    return sealed_


async def test_control_a_narrower_one_is_taken_up_and_runs_once_approved(on: Stage) -> None:
    """What honest people do: the change is taken up, and what was made of it runs as it was narrowed."""
    proposal = await sealed(on, scale(on, 12))
    less = await narrowed(on, proposal, 8)
    assert (await click(on, less.digest)).status_code == 200
    await run(on.executor, less.digest)
    assert pods(on) == 8
    another = await sealed(on, scale(on, 12), incident=INCIDENT.replace("a", "b"))  # type: ignore[arg-type] # a NewType
    assert (await changed(on, another, replicas(10))).status_code == 202


@attack(
    "change-widens",
    "An edited form makes a proposal larger instead of narrower",
    tried="more pods, none, the other way, sentences, a longer life, a shorter watch, milder checks, steps of its own",
    stopped="every value is held against the bound that was sealed with the proposal; what is not declared cannot change",
)
async def test_a_change_that_widens(on: Stage) -> None:
    proposal = await sealed(on, scale(on, 12))
    later = (proposal.body.expires_at + timedelta(hours=1)).isoformat()
    tried = [
        *(replicas(number) for number in (13, 1000, 0, -1, 6, 5, 12.5, "8; rm -rf /", "1e1", True, None)),
        replicas(8, watch_seconds=1),
        replicas(8, expires_at=later),
        replicas(8, checks=[{"check": 1, "threshold": 0.9}]),
        replicas(8, steps=[1, 2]),
        replicas(8, steps=[]),
    ]
    for body in tried:
        assert (await changed(on, proposal, body)).status_code == 422, body
    assert await stands(on, proposal)
    assert "narrowed" not in await on.ledger(INCIDENT)
    assert (await on.ledger(INCIDENT)).count("steering_refused") == len(tried)


@attack(
    "change-of-target",
    "A change names another target, action, argument or step",
    tried="a target, a kind, whole actions and a policy in the body; arguments that the action has and has not declared",
    stopped="the body is closed and holds no target; arguments without a declared order stay as they are",
)
async def test_a_change_of_the_target(on: Stage) -> None:
    proposal = await sealed(on, scale(on, 12))
    cart = str(on.id("shop/deployment/cart"))
    for body in (
        replicas(8, target=cart),
        {"arguments": [{"step": 1, "target": cart, "arguments": {"replicas": 8}}]},
        {"arguments": [{"step": 1, "arguments": {"replicas": 8, "target": cart}}]},
        {"arguments": [{"step": 1, "arguments": {"kind": "delete_pod"}}]},
        {"arguments": [{"step": 2, "arguments": {"replicas": 8}}]},
        replicas(8, actions=[{"kind": "delete_pod", "target": cart}]),
        replicas(8, policy={"effect": "allow"}, person="sam"),
    ):
        assert (await changed(on, proposal, body)).status_code == 422, body
    assert await stands(on, proposal)


@attack(
    "change-then-the-old-one",
    "The proposal that was replaced is approved and run all the same",
    tried="a click on the old digest after the change, and its status set back to approved in the database",
    stopped="a changed proposal is superseded in the transaction of the change; the executor counts decisions in the ledger",
)
async def test_approving_the_replaced_digest(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, scale(on, 12))
    assert (await changed(on, proposal, replicas(8))).status_code == 202
    late = await click(on, proposal.digest)
    assert late.status_code == 409
    assert "narrowed it" in late.json()["message"]
    await nothing_ran(on, proposal, generation=before)
    async with on.store.transaction() as tx:
        sources = [ProposalStatus.SUPERSEDED]
        await set_proposal_status(tx, proposal.digest, to=ProposalStatus.APPROVED, sources=sources, now=on.clock.now())
    await nothing_ran(on, proposal, generation=before)


@attack(
    "change-after-expiry",
    "A change revives a proposal whose time is over",
    tried="POST at the second of its expiry, before any sweep has marked it, and within its last minute",
    stopped="expiry is compared with the clock first, and what is narrowed never lives longer than what it replaces",
)
async def test_a_change_after_expiry(on: Stage) -> None:
    proposal = await sealed(on, scale(on, 12), lives_seconds=300)
    on.clock.hand.advance(250)
    assert (await changed(on, proposal, replicas(8))).status_code == 422
    on.clock.hand.advance(50)
    assert (await changed(on, proposal, replicas(8))).status_code == 410
    assert "narrowed" not in await on.ledger(INCIDENT)


@attack(
    "change-while-it-runs",
    "A proposal is changed after it was approved, while it runs and afterwards",
    tried="POST after the approval, after the dispatch and after the execution",
    stopped="only a pending proposal can be changed; what was approved runs as it was approved",
)
async def test_a_change_of_what_runs(on: Stage) -> None:
    proposal = await sealed(on, scale(on, 12))
    assert (await click(on, proposal.digest)).status_code == 200
    assert (await changed(on, proposal, replicas(8))).status_code == 409
    await run(on.executor, proposal.digest)
    assert (await changed(on, proposal, replicas(8))).status_code == 409
    assert pods(on) == 12


@attack(
    "change-by-nobody",
    "Somebody without the role changes a proposal",
    tried="a viewer's token, no token, and the bot with every role there is",
    stopped="who may approve may change, judged on the server; the refusal is in the ledger",
)
async def test_a_change_by_the_wrong_user(on: Stage) -> None:
    proposal = await sealed(on, scale(on, 12))
    assert (await changed(on, proposal, replicas(8), who="ada")).status_code == 403
    async with httpx.AsyncClient(base_url=house(on), timeout=60) as client:
        path = f"/api/v1/proposals/{proposal.digest}/change"
        assert (await client.post(path, json=replicas(8))).status_code == 401
    bot = person("midwatch", "oncall", "owner", "admin", bot=True)
    wanted = Wanted(arguments=(StepWish(step=1, arguments={"replicas": 8}),))
    answer = await change(on.store, proposal.digest, person=bot, wanted=wanted, channel=Channel.API, now=on.clock.now())
    assert not isinstance(answer, NotNarrower)
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.BOT
    assert await stands(on, proposal)
    assert (await on.ledger(INCIDENT)).count("steering_refused") == 2


@attack(
    "change-to-approve-alone",
    "Somebody narrows a proposal that needs two people and counts as one of them",
    tried="the one who narrowed it approves, also under another spelling, and a second person does",
    stopped="where more than one approval is asked, who narrowed it is its requester, at the click and for the executor",
)
async def test_who_narrowed_it_is_no_second_person(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, scale(on, 12), approvals=2)
    less = await narrowed(on, proposal, 8)
    for spelling in (person("dana"), person("DANA"), person(" dana")):
        answer = await on.decide(less.digest, who=spelling)
        assert isinstance(answer, Refused)
        assert answer.refusal is Refusal.OWN_REQUEST
    assert isinstance(await on.decide(less.digest, who=person("bob")), Accepted)
    await nothing_ran(on, less, generation=before)
    assert isinstance(await on.decide(less.digest, who=person("lee")), Accepted)
    await run(on.executor, less.digest)
    assert pods(on) == 8


@attack(
    "change-forged-in-the-database",
    "A wider proposal is written into the database as somebody's change, and people approve it",
    tried="more pods than were proposed, a longer life, and a chain of changes that begins with nothing on record",
    stopped="the executor holds what was narrowed against every proposal that it was made of",
)
@pytest.mark.parametrize(
    ("to", "forged"),
    [
        pytest.param(40, {}, id="more pods"),
        pytest.param(8, {"watch_seconds": 1}, id="a shorter watch"),
        pytest.param(8, {"checks": ()}, id="no checks"),
    ],
)
async def test_a_forged_change(on: Stage, to: int, forged: dict[str, Any]) -> None:
    before, proposal = on.generation(), await sealed(on, scale(on, 12))
    wider = await narrowed(on, proposal, to, **forged)
    assert (await click(on, wider.digest)).status_code == 200
    await nothing_ran(on, wider, generation=before, why="it is wider than what was proposed")


@attack(
    "change-races-approve",
    "A change and an approval of the same proposal at the same moment both count",
    tried="eight clicks and eight changes at once, then the executor",
    stopped="both are judged under the row lock of the incident: the second finds the proposal decided or replaced",
)
async def test_a_change_that_races_an_approval(on: Stage) -> None:
    proposal = await sealed(on, scale(on, 12))
    clicks = [click(on, proposal.digest) for _ in range(4)]
    changes = [changed(on, proposal, replicas(8)) for _ in range(4)]
    answers = await asyncio.gather(*(one for pair in zip(changes, clicks, strict=True) for one in pair))
    won = {answer.status_code for answer in answers} - {409}
    assert won in ({200}, {202}), [answer.status_code for answer in answers]
    await run(on.executor, proposal.digest)
    assert pods(on) == (12 if won == {200} else 6)
