"""An OPA server beside the matrix: it makes verdicts stricter, and whatever is not a clear answer in time denies."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from incidents.policy import Effect, Policy, PolicyVerdict
from orchestrator.policy.ruling import asked_outside, ruling
from tests.orchestrator.policy.asking import ASK_ALL, action, done, folder, question, standing
from tests.tools.scripted_server import Answering, Asked, Said, scripted


def pointing(at: Path, url: str, *, seconds: float = 10) -> Policy:
    return folder(at, ASK_ALL + f"opa: {{url: '{url}', path: org.midwatch, timeout_seconds: {seconds}}}\n")


async def asked(at: Path, answer: Answering, *, seconds: float = 10) -> PolicyVerdict:
    async with scripted(answer) as server:
        policy = pointing(at, server.url, seconds=seconds)
        return ruling(policy, question(), outside=await asked_outside(policy, question()))


@pytest.mark.parametrize(
    ("result", "effect", "approvals", "says"),
    [
        pytest.param({"deny": []}, Effect.ASK, 1, "", id="nothing against it"),
        pytest.param({"deny": ["frozen by change management"]}, Effect.DENY, 0, "frozen by change", id="it denies"),
        pytest.param(
            {"deny": [], "more": [{"why": "is audited", "add": 1}]}, Effect.ASK, 2, "is audited (+1)", id="more people"
        ),
        pytest.param({"deny": [], "allow": True}, Effect.ASK, 1, "", id="it cannot make anything milder"),
        pytest.param({"allow": True}, Effect.DENY, 0, "in a form that is not known", id="a decision of another form"),
        pytest.param({"deny": [], "more": [{"why": "x", "add": -1}]}, Effect.DENY, 0, "form", id="fewer people"),
        pytest.param(None, Effect.DENY, 0, "it has no decision org.midwatch", id="no such decision"),
    ],
)
async def test_what_it_says(tmp_path: Path, result: object, effect: Effect, approvals: int, says: str) -> None:
    found = await asked(tmp_path, lambda _: Said({} if result is None else {"result": result}))
    assert (found.effect, found.approvals) == (effect, approvals), found.reason
    assert says in found.reason


async def slow(_: Asked) -> Said:
    await asyncio.sleep(5)
    return Said({"result": {"deny": []}})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(slow, "did not answer within 0.5 s", id="too slow"),
        pytest.param(lambda _: Said({"code": "internal_error"}, status=500), "500", id="it fails"),
        pytest.param(lambda _: Said(b"<html>"), "form", id="no JSON"),
        pytest.param(
            lambda _: Said(status=302, headers={"location": "http://127.0.0.1:1/"}), "form", id="it leads elsewhere"
        ),
    ],
)
async def test_what_is_no_answer_denies(tmp_path: Path, answer: Answering, says: str) -> None:
    found = await asked(tmp_path, answer, seconds=0.5 if answer is slow else 10)
    assert found.effect is Effect.DENY
    assert says in found.reason, found.reason


async def test_a_hiccup_is_asked_again(tmp_path: Path) -> None:
    """One lost answer is no reason to leave an incident to people."""
    answers = iter([Said(status=503), Said({"result": {"deny": []}})])
    assert (await asked(tmp_path, lambda _: next(answers))).effect is Effect.ASK


async def test_a_server_that_is_gone_denies(tmp_path: Path) -> None:
    policy = pointing(tmp_path, "http://127.0.0.1:1")
    found = ruling(policy, question(), outside=await asked_outside(policy, question()))
    assert (found.effect, "cannot be reached" in found.reason) == (Effect.DENY, True)


def test_a_server_that_was_not_asked_denies(tmp_path: Path) -> None:
    found = ruling(pointing(tmp_path, "http://127.0.0.1:1"), question())
    assert (found.effect, "was not asked" in found.reason) == (Effect.DENY, True)


async def test_it_is_asked_what_rego_is_asked(tmp_path: Path) -> None:
    about = question(action(pods=6), standing=standing(done(minutes_ago=2)))
    async with scripted(lambda _: Said({"result": {"deny": []}})) as server:
        await asked_outside(pointing(tmp_path, server.url), about)
    (request,) = server.asked
    assert (request.method, request.path, request.query["provenance"]) == ("POST", "/v1/data/org/midwatch", ["true"])
    sent = request.json["input"]
    assert sent["actions"][0]["pods"] == 6
    assert sent["actions"][0]["environment"] == "production"
    assert sent["done"][0]["seconds_ago"] == 120
    assert (sent["hour"], sent["weekday"], sent["confidence"]) == (2, "tue", 0.9)


async def test_another_revision_is_another_version(tmp_path: Path) -> None:
    """So that what was approved under the old one does not run under the new one."""
    bundle = {"result": {"deny": []}, "provenance": {"bundles": {"org": {"revision": "b7"}}}}
    versions = [
        (await asked(tmp_path, lambda _: Said({"result": {"deny": [], "revision": "1"}}))).version,
        (await asked(tmp_path, lambda _: Said({"result": {"deny": [], "revision": "2"}}))).version,
        (await asked(tmp_path, lambda _: Said(bundle))).version,
    ]
    # The address is part of the policy, and another one each time: the same revision at one address is one version.
    assert len(set(versions)) == 3
    async with scripted(lambda _: Said(bundle)) as server:
        policy = pointing(tmp_path, server.url)
        twice = [ruling(policy, question(), outside=await asked_outside(policy, question())).version for _ in "ab"]
        server_side = ruling(policy, question(), outside=None).version
    assert len(set(twice)) == 1
    assert server_side not in twice
