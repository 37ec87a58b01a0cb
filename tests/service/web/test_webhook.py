"""The webhook: who may deliver, how much, what is wrong with a body, and that 200 means committed."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text

from orchestrator.store.database import Store
from service.web.app import create_app
from tests.service.web.casebook import NOW, notification
from tests.service.web.serving import WEBHOOK, web_context, web_settings
from tools.clock import ManualClock

PATH = "/api/v1/alerts/alertmanager"
BEARER = {"Authorization": f"Bearer {WEBHOOK}"}


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        pytest.param({}, "Send credentials", id="no credentials"),
        pytest.param({"Authorization": "Bearer wrong"}, "not known here", id="another token"),
        pytest.param({"Authorization": "Bearer "}, "not known here", id="an empty token"),
        pytest.param({"Authorization": "Basic !!!"}, "not known here", id="what is no base64"),
        pytest.param({"Authorization": "Bearer token-of-dana-oncall"}, "not known here", id="a person's token"),
    ],
)
async def test_it_is_closed_to(client: httpx.AsyncClient, headers: dict[str, str], says: str) -> None:
    answer = await client.post(PATH, json=notification(), headers=headers)
    assert answer.status_code == 401
    assert 'Bearer realm="midwatch"' in answer.headers["www-authenticate"]
    assert says in answer.json()["message"]


async def test_basic_authentication_opens_it(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json=notification(), auth=("alertmanager", "its-password"))
    assert answer.status_code == 200


async def test_without_any_credentials_in_the_settings_nobody_may_deliver(store: Store, clock: ManualClock) -> None:
    context = web_context(store, web_settings(webhook={}), clock)
    transport = httpx.ASGITransport(app=create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://midwatch.test") as client:
        answer = await client.post(PATH, json=notification(), headers={"Authorization": "Bearer "})
    assert answer.status_code == 401
    assert "MIDWATCH_WEBHOOK__TOKENS" in answer.json()["message"]


async def test_a_receipt_means_committed(client: httpx.AsyncClient, store: Store) -> None:
    answer = await client.post(PATH, json=notification(), headers=BEARER)
    assert answer.status_code == 200
    assert (answer.json()["received"], answer.json()["new"]) == (2, 2)
    async with store.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM alert"))).scalar_one() == 2
    again = await client.post(PATH, json=notification(), headers=BEARER)
    assert (again.json()["repeated"], again.json()["opened"]) == (2, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(b"{", "body", id="what is no JSON"),
        pytest.param(b"[1]" * 0 + b'"text"', "body", id="a string"),
        pytest.param(json.dumps({"version": "4", "alerts": []}).encode(), "groupKey", id="no group key"),
        pytest.param(json.dumps({**notification(), "version": "3"}).encode(), "version", id="version 3"),
        pytest.param(json.dumps({**notification(), "alerts": "none"}).encode(), "alerts", id="alerts that are a text"),
        pytest.param(
            json.dumps(
                {**notification(), "alerts": [{"status": "odd", "labels": {"a": "b"}, "startsAt": "x"}]}
            ).encode(),
            "alerts.0",
            id="only alerts that cannot be read",
        ),
    ],
)
async def test_422_names_the_field_of(client: httpx.AsyncClient, body: bytes, field: str) -> None:
    answer = await client.post(PATH, content=body, headers=BEARER)
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == field


async def test_a_good_alert_is_kept_beside_a_bad_one(client: httpx.AsyncClient) -> None:
    body = notification()
    alerts = body["alerts"]
    assert isinstance(alerts, list)
    answer = await client.post(PATH, json={**body, "alerts": [*alerts, {"status": "odd"}]}, headers=BEARER)
    assert answer.status_code == 200
    assert (answer.json()["new"], answer.json()["rejected"]) == (2, 1)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "streamed"])
async def test_a_body_that_is_too_large_is_not_read_to_its_end(
    store: Store, clock: ManualClock, declared: bool
) -> None:
    context = web_context(store, web_settings(webhook={"tokens": [WEBHOOK], "max_bytes": 4096}), clock)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1024
            yield b" " * 1024

    transport = httpx.ASGITransport(app=create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://midwatch.test") as client:
        headers = BEARER | ({"Content-Length": "1024000"} if declared else {})
        answer = await client.post(PATH, content=endless(), headers=headers)
    assert answer.status_code == 413
    assert read <= 6 * 1024


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate, gzip", "zstd"])
async def test_a_compressed_body_is_refused_by_what_it_is(client: httpx.AsyncClient, coding: str) -> None:
    body = gzip.compress(json.dumps(notification()).encode())
    answer = await client.post(PATH, content=body, headers=BEARER | {"Content-Encoding": coding})
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert f"The body is sent as {coding.lower()!r}: send it as it is" in answer.text


async def test_a_body_that_is_said_to_be_as_it_is_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json=notification(), headers=BEARER | {"Content-Encoding": "identity"})
    assert answer.status_code == 200


async def test_nothing_of_a_body_is_read_without_credentials(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, content=b"x" * 100, headers={"Content-Length": "999999999"})
    assert answer.status_code == 401


async def test_overload_asks_to_come_back(store: Store, clock: ManualClock) -> None:
    context = web_context(store, web_settings(webhook={"tokens": [WEBHOOK], "max_waiting": 1}), clock)
    app = create_app(context)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://midwatch.test") as client:
        with app.state.gate:
            answer = await client.post(PATH, json=notification(), headers=BEARER)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await client.post(PATH, json=notification(), headers=BEARER)).status_code == 200


async def test_a_database_that_cannot_be_reached_asks_to_come_back() -> None:
    async with Store("postgresql://nobody@127.0.0.1:9/none", clock=ManualClock(NOW)) as closed:
        context = web_context(closed, web_settings(), ManualClock(NOW))
        transport = httpx.ASGITransport(app=create_app(context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://midwatch.test") as client:
            answer = await client.post(PATH, json=notification(), headers=BEARER)
            ready = await client.get("/readyz")
    assert (answer.status_code, ready.status_code) == (503, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["error"] == "service_unavailable"
