"""The JSON API over a real store: reading, deciding, pausing, auditing; each with identities and roles."""

from __future__ import annotations

import httpx
import pytest

from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from orchestrator.store.database import Store
from orchestrator.store.decisions import decisions_on, refusals_on
from orchestrator.store.proposals import proposal_by
from tests.service.web.casebook import Casebook
from tests.service.web.serving import WEBHOOK
from tests.service.web.signing import bearer, sign_in

PATHS = ("/api/v1/incidents", "/api/v1/incidents/inc-none", "/api/v1/audit/verify")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {WEBHOOK}"}])
async def test_it_wants_a_persons_token(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"] == "unauthorized"


async def test_an_incident_comes_with_everything(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.VERIFIED)
    answer = await client.get(f"/api/v1/incidents/{incident}", headers=bearer("ada"))
    found = answer.json()
    assert found["incident"]["phase"] == "verified"
    assert found["diagnosis"]["hypotheses"][0]["cause"] == "memory_limit_too_low"
    [proposal] = found["proposals"]
    assert proposal["digest"] == book.digest
    assert [decision["person"]["name"] for decision in proposal["decisions"]] == ["On-call primary"]
    assert proposal["steps"][0]["execution"]["status"] == "succeeded"
    assert proposal["verification"]["outcome"] == "verified"
    assert {"alert", "phase", "finding", "decision", "execution"} <= {event["kind"] for event in found["timeline"]}
    assert found["postmortem"]["markdown"].startswith("# Post-mortem")
    evidence = found["case"]["evidence"][0]["id"]
    body = await client.get(f"/api/v1/incidents/{incident}/evidence/{evidence}", headers=bearer("ada"))
    assert body.json()["body"] != ""


async def test_what_is_not_there_is_404_in_json(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/incidents/inc-none", "/api/v1/nothing"):
        answer = await client.get(path, headers=bearer("ada"))
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_pages_follow_one_another_without_gap_or_repeat(client: httpx.AsyncClient, book: Casebook) -> None:
    opened = [await book.reach(Phase.OPEN, group=f"service-{number}") for number in range(7)]
    seen, cursor = [], ""
    while True:
        answer = await client.get("/api/v1/incidents", params={"limit": 3, "cursor": cursor}, headers=bearer("ada"))
        seen += [incident["id"] for incident in answer.json()["incidents"]]
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(opened)
    assert len(seen) == 7


async def test_filters_narrow_the_list(client: httpx.AsyncClient, book: Casebook) -> None:
    waiting = await book.reach(Phase.AWAITING_DECISION)
    await book.reach(Phase.OPEN, group="search")

    async def listed(**params: str | int) -> list[str]:
        answer = await client.get("/api/v1/incidents", params=params, headers=bearer("ada"))
        return [incident["id"] for incident in answer.json()["incidents"]]

    assert await listed(phase="awaiting_decision") == [waiting]
    assert await listed(q="checkout") == [waiting]
    assert await listed(q="100%_") == []
    assert await listed(cluster="elsewhere") == []
    assert len(await listed(severity=1)) == 2


@pytest.mark.parametrize("params", [{"phase": "nonsense"}, {"severity": "9"}, {"limit": "0"}, {"cursor": "nonsense"}])
async def test_a_filter_that_cannot_be_is_422(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    answer = await client.get("/api/v1/incidents", params=params, headers=bearer("ada"))
    assert answer.status_code == 422
    assert next(iter(params)) in answer.json()["message"]


async def test_an_approval_is_committed_before_the_answer(
    client: httpx.AsyncClient, book: Casebook, store: Store
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    path = f"/api/v1/proposals/{book.digest}/decision"
    answer = await client.post(path, json={"choice": "approve"}, headers=bearer("dana"))
    assert answer.json() == {"status": "approved", "approvals": 1, "needed": 1, "complete": True, "lacks": []}
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.APPROVED
        [decision] = await decisions_on(tx, book.digest)
    assert (decision.person.id, decision.channel) == ("dana@example.com", "api")


@pytest.mark.parametrize(
    ("who", "body", "status", "error"),
    [
        pytest.param("ada", {"choice": "approve"}, 403, "missing_role", id="a viewer"),
        pytest.param(
            "dana", {"choice": "reject", "reason": " "}, 422, "reason_needed", id="a rejection without reason"
        ),
        pytest.param("dana", {"choice": "maybe"}, 422, "unprocessable", id="a choice that does not exist"),
        pytest.param(
            "dana", {"choice": "approve", "as": "ada"}, 422, "unprocessable", id="a field that does not exist"
        ),
        pytest.param("dana", {}, 422, "unprocessable", id="no choice"),
    ],
)
async def test_a_decision_is_refused_to(
    client: httpx.AsyncClient, book: Casebook, store: Store, who: str, body: dict[str, str], status: int, error: str
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    answer = await client.post(f"/api/v1/proposals/{book.digest}/decision", json=body, headers=bearer(who))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.PENDING


async def test_two_people_make_a_quorum_of_two_and_one_person_does_not(
    client: httpx.AsyncClient, book: Casebook, store: Store
) -> None:
    await book.reach(Phase.AWAITING_DECISION, approvals=2)
    path = f"/api/v1/proposals/{book.digest}/decision"
    first = await client.post(path, json={"choice": "approve"}, headers=bearer("dana"))
    again = await client.post(path, json={"choice": "approve"}, headers=bearer("dana"))
    second = await client.post(path, json={"choice": "approve"}, headers=bearer("sam"))
    assert (first.json()["complete"], again.status_code, second.json()["complete"]) == (False, 409, True)
    async with store.transaction() as tx:
        assert [click.refusal for click in await refusals_on(tx, book.digest)] == ["already_decided"]


async def test_an_expired_proposal_is_gone(client: httpx.AsyncClient, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    await book.clock.advance(901)
    path = f"/api/v1/proposals/{book.digest}/decision"
    answer = await client.post(path, json={"choice": "approve"}, headers=bearer("dana"))
    assert (answer.status_code, answer.json()["error"]) == (410, "expired")


async def test_an_unknown_digest_is_404(client: httpx.AsyncClient) -> None:
    path = "/api/v1/proposals/sha256:00/decision"
    answer = await client.post(path, json={"choice": "approve"}, headers=bearer("dana"))
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_proposal")


async def test_only_some_may_pause(client: httpx.AsyncClient) -> None:
    refused = await client.post("/api/v1/control/pause", json={"reason": "x"}, headers=bearer("ada"))
    paused = await client.post("/api/v1/control/pause", json={"reason": "freeze"}, headers=bearer("dana"))
    assert (refused.status_code, paused.json()["paused"], paused.json()["reason"]) == (403, True, "freeze")
    assert (await client.get("/readyz")).json()["execution"] == "paused"
    resumed = await client.post("/api/v1/control/resume", json={}, headers=bearer("dana"))
    assert resumed.json()["paused"] is False


async def test_the_audit_says_that_the_chain_holds(client: httpx.AsyncClient, book: Casebook) -> None:
    await book.reach(Phase.VERIFIED)
    answer = (await client.get("/api/v1/audit/verify", headers=bearer("ada"))).json()
    assert answer["intact"] is True
    assert answer["entries"] >= 4


async def test_metrics_count_what_is_stored(client: httpx.AsyncClient, book: Casebook) -> None:
    await book.reach(Phase.VERIFIED)
    lines = (await client.get("/metrics")).text.splitlines()
    assert 'midwatch_incidents{phase="verified"} 1.0' in lines
    assert 'midwatch_alerts{status="resolved"} 2.0' in lines
    assert 'midwatch_decisions_total{choice="approve"} 1.0' in lines
    assert 'midwatch_executions{status="succeeded"} 1.0' in lines
    assert 'midwatch_verifications_total{outcome="verified"} 1.0' in lines
    assert "midwatch_alert_to_proposal_seconds_count 1.0" in lines
    assert "midwatch_deliveries_total 2.0" in lines


async def test_the_description_of_the_api_is_served(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    assert {"/api/v1/incidents", "/api/v1/alerts/alertmanager", "/api/v1/proposals/{digest}/decision"} <= set(paths)
    assert "/sign-in" not in paths


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/incidents/inc-%00",
        "/api/v1/incidents/INC-X",
        "/api/v1/incidents?q=%00",
        "/api/v1/incidents?cursor=eyJvcGVuZWRfYXQiOiIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsImlkIjoiXHUwMDAwIn0",
        "/api/v1/incidents/inc-a/evidence/%27",
        "/incidents/inc-%00",
        "/audit?incident=%00",
        "/?q=%00&cursor=x",
        "/runbooks/%00",
    ],
)
async def test_odd_addresses_are_answered_and_break_nothing(client: httpx.AsyncClient, path: str) -> None:
    await sign_in(client, "ada")
    answer = await client.get(path, headers=bearer("ada"))
    assert answer.status_code in (200, 404, 422)
