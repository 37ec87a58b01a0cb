"""Attacks on the approval itself: who clicks, what, when, and how often."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from incidents.approval import Accepted, Refused
from incidents.ids import PersonId
from incidents.proposal import ProposalStatus
from orchestrator.decisions import expire, supersede
from orchestrator.executor.running import run
from orchestrator.store.proposals import proposal_by
from tests.attacks.attack import attack
from tests.attacks.ground import bearer, click, house, nothing_ran
from tests.incidents.making import person
from tests.orchestrator.executor.sealing import INCIDENT, rows, sealed
from tests.orchestrator.staging import Stage, another_executor
from tests.service.web.serving import served, web_context, web_settings


async def test_control_the_right_click_runs(on: Stage) -> None:
    """What all of these try to get: one click of the right person, and the change is made."""
    before, proposal = on.generation(), await sealed(on)
    assert (await click(on, proposal.digest)).status_code == 200
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1


@attack(
    "click-replayed",
    "A click is recorded and sent again",
    tried="the same POST ten more times, before and after the execution",
    stopped="one person counts once; a decided proposal takes no decision; one execution row per action",
)
async def test_replayed_click(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, approvals=2)
    assert (await click(on, proposal.digest)).json()["complete"] is False
    again = [await click(on, proposal.digest) for _ in range(5)]
    assert {answer.status_code for answer in again} == {409}
    assert isinstance(await on.decide(proposal.digest, who=person("bob", "oncall")), Accepted)
    await run(on.executor, proposal.digest)
    again = [await click(on, proposal.digest) for _ in range(5)]
    assert {answer.status_code for answer in again} == {409}
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1
    assert (await on.ledger(INCIDENT)).count("decided") == 2


@attack(
    "click-doubled",
    "A double click that lands on two replicas at once",
    tried="eight concurrent POSTs to two web processes, then three executors at once",
    stopped="decisions are judged under the row lock of the incident; `approved -> dispatched` is a conditional update",
)
async def test_double_click_on_two_replicas(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    settings = web_settings(clusters=[{"name": on.cluster}])
    async with (
        served(web_context(on.store, settings, on.clock)) as second,
        another_executor(on) as one,
        another_executor(on) as other,
    ):
        twin = on.__class__(**{**on.__dict__, "webhook": f"{second}/api/v1/alerts/alertmanager"})
        answers = await asyncio.gather(*(click(ground, proposal.digest) for ground in (on, twin) * 4))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
        await asyncio.gather(*(run(each, proposal.digest) for each in (on.executor, one, other)))
    assert on.generation() == before + 1
    assert (await on.ledger(INCIDENT)).count("executed") == 1


@attack(
    "click-by-viewer",
    "Somebody without the role clicks",
    tried="approve and reject with a viewer's valid token",
    stopped="roles of the proposal's verdict against the person's, on the server; the refusal is in the ledger",
)
async def test_wrong_user(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    for choice in ("approve", "reject"):
        answer = await click(on, proposal.digest, who="ada", choice=choice)
        assert (answer.status_code, answer.json()["error"]) == (403, "missing_role")
    assert (await on.ledger(INCIDENT)).count("decision_refused") == 2
    await nothing_ran(on, proposal, generation=before)


@attack(
    "click-by-nobody",
    "A click without, or with an invented, identity",
    tried="no token, a made-up token, and headers that claim an identity (X-Forwarded-User, Remote-User, X-Email)",
    stopped="identity is a token or a signed session; no header names a person",
)
async def test_nobody(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    claims = {"x-forwarded-user": "dana", "remote-user": "dana@example.com", "x-email": "dana@example.com"}
    for headers in ({"x": "y"}, {"authorization": "Bearer made-up-token-of-dana"}, claims, {"cookie": "midwatch=dana"}):
        assert (await click(on, proposal.digest, **headers)).status_code == 401
    await nothing_ran(on, proposal, generation=before)


@attack(
    "click-on-own-request",
    "Somebody approves what they asked for",
    tried="the requester approves, also under another spelling of their address",
    stopped="separation of duties in the judgement of every decision",
)
@pytest.mark.parametrize("asked_by", ["dana@example.com", " DANA@Example.COM "])
async def test_self_approval(on: Stage, asked_by: str) -> None:
    before, proposal = on.generation(), await sealed(on, requested_by=PersonId(asked_by))
    answer = await click(on, proposal.digest)
    assert (answer.status_code, answer.json()["error"]) == (403, "own_request")
    await nothing_ran(on, proposal, generation=before)


@attack(
    "click-by-the-bot",
    "The bot approves",
    tried="a decision by an identity that is a bot, with every role there is",
    stopped="a bot is refused before anything else is looked at",
)
async def test_bot(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    answer = await on.decide(proposal.digest, who=person("midwatch", "oncall", "owner", "admin", bot=True))
    assert isinstance(answer, Refused)
    assert answer.refusal.value == "bot"
    await nothing_ran(on, proposal, generation=before)


@attack(
    "click-after-expiry",
    "A click on a proposal whose time is over",
    tried="POST at the second of its expiry, before any sweep has marked it",
    stopped="expiry is part of the digest and is compared with the clock at every decision",
)
async def test_expired_click(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, lives_seconds=60)
    await on.clock.sleep(60)
    answer = await click(on, proposal.digest)
    assert (answer.status_code, answer.json()["error"]) == (410, "expired")
    await nothing_ran(on, proposal, generation=before)
    assert await expire(on.store, now=on.clock.now()) == (proposal.digest,)


@attack(
    "click-on-superseded",
    "A click on a card that was replaced by a fresh one",
    tried="the old proposal's digest is approved after it was withdrawn",
    stopped="only a pending proposal takes decisions, and a decision is for one digest",
)
async def test_superseded(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    async with on.store.transaction() as tx:
        stored = await proposal_by(tx, proposal.digest)
        await supersede(tx, stored, because="its target changed", actor="worker", now=on.clock.now())
    assert (await click(on, proposal.digest)).status_code == 409
    await nothing_ran(on, proposal, generation=before)


@attack(
    "click-after-rejection",
    "An approval after somebody rejected it",
    tried="one of two needed people rejects, then both others approve",
    stopped="a rejection ends the proposal",
)
async def test_after_rejection(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, approvals=2)
    assert (await click(on, proposal.digest, choice="reject")).status_code == 200
    for name in ("bob", "eve"):
        assert isinstance(await on.decide(proposal.digest, who=person(name, "oncall")), Refused)
    await nothing_ran(on, proposal, generation=before)


@attack(
    "click-on-forged-digest",
    "A click on a digest that was made up",
    tried="POST for a digest of nothing, for one with a character changed, and for a path in its place",
    stopped="digests are looked up, and their form is checked before",
)
async def test_forged_digest(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    other = proposal.digest[:-1] + ("0" if proposal.digest[-1] != "0" else "1")
    for digest in (other, "sha256:" + "0" * 64, "sha256:..%2f..", "sha256:'--", "md5:0"):
        assert (await click(on, digest)).status_code in (404, 422)
    await nothing_ran(on, proposal, generation=before)
    async with on.store.transaction() as tx:
        assert (await proposal_by(tx, proposal.digest)).status is ProposalStatus.PENDING


@attack(
    "click-carries-changes",
    "A click that brings its own arguments, roles or person",
    tried="the POST's body carries actions, approvals, person and channel beside the choice",
    stopped="request bodies are closed: a field that is not known is refused, and nothing but the choice is read",
)
async def test_click_with_more(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on)
    more = {"person": {"id": "dana@example.com", "name": "Dana", "roles": ["admin"]}, "approvals": 0, "actions": []}
    async with httpx.AsyncClient(base_url=house(on), headers=bearer("ada"), timeout=60) as client:
        path = f"/api/v1/proposals/{proposal.digest}/decision"
        answer = await client.post(path, json={"choice": "approve", "reason": "x"} | more)
    assert answer.status_code == 422
    await nothing_ran(on, proposal, generation=before)


@attack(
    "quorum-of-one",
    "One person makes up a quorum of two",
    tried="the same person by API and by console, and under another spelling of their address",
    stopped="people are counted, not clicks, at the decision and again by the executor",
)
async def test_quorum_by_one(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, approvals=2)
    assert (await click(on, proposal.digest)).json()["complete"] is False
    twin = person("dana", "oncall").model_copy(update={"id": PersonId("Dana@EXAMPLE.com ")})
    assert isinstance(await on.decide(proposal.digest, who=twin), Refused)
    await nothing_ran(on, proposal, generation=before)
    assert await rows(on, proposal) == ()


async def test_control_two_people_are_a_quorum(on: Stage) -> None:
    before, proposal = on.generation(), await sealed(on, approvals=2)
    await click(on, proposal.digest)
    assert isinstance(await on.decide(proposal.digest, who=person("bob", "oncall")), Accepted)
    await run(on.executor, proposal.digest)
    assert on.generation() == before + 1
