"""Attacks on the web role: bodies, headers, sessions, paths, and what pages show of what came from outside."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from incidents.incident import Phase
from service.web.bounds import FAILURES, Bounds
from service.web.identity import Identities
from tests.attacks.attack import attack
from tests.attacks.conftest import Web
from tests.service.web.serving import TOKENS, WEBHOOK, listening
from tests.service.web.signing import csrf_of, sign_in

HOOK = "/api/v1/alerts/alertmanager"
SENDER = {"authorization": f"Bearer {WEBHOOK}"}


def notification(**changes: object) -> dict[str, object]:
    """What Alertmanager posts, as small as it may be."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "CheckoutErrors", "namespace": "shop", "deployment": "checkout"},
        "annotations": {"summary": "errors"},
        "startsAt": "2026-11-17T02:45:00Z",
        "fingerprint": "00000000000000a1",
    }
    return {"version": "4", "groupKey": "{}:{a}", "status": "firing", "alerts": [alert]} | changes


async def alerts_kept(web: Web) -> int:
    async with web.context.store.transaction() as tx:
        return int((await tx.execute(text("SELECT count(*) FROM alert"))).scalar_one())


async def test_control_an_honest_delivery_is_taken(web: Web) -> None:
    async with web.client as client:
        answer = await client.post(HOOK, json=notification(), headers=SENDER)
    assert (answer.status_code, await alerts_kept(web)) == (200, 1)


@attack(
    "webhook-by-anybody",
    "Alerts are delivered by somebody who is not Alertmanager",
    tried="no credentials, a wrong token, a person's token, a wrong password by basic authentication",
    stopped="the webhook has credentials of its own; without any in the settings nobody may deliver",
)
async def test_webhook_by_anybody(web: Web) -> None:
    async with web.client as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {TOKENS['dana']}"}):
            assert (await client.post(HOOK, json=notification(), headers=headers)).status_code == 401
        answer = await client.post(HOOK, json=notification(), auth=("alertmanager", "wrong-password"))
        assert answer.status_code == 401
    assert await alerts_kept(web) == 0


@attack(
    "body-oversized",
    "A body that fills the memory",
    tried="6 MiB with its length told, the same in chunks without a length, 80 KiB to the API",
    stopped="reading stops at the limit, before parsing",
)
async def test_oversized(web: Web) -> None:
    large = b'{"alerts": "' + b"x" * (6 * 1024 * 1024) + b'"}'

    async def chunks() -> object:
        for _ in range(100):
            yield large[: 64 * 1024]

    async with web.client as client:
        for content in (large, chunks()):
            try:
                answer = await client.post(HOOK, content=content, headers=SENDER)  # type: ignore[arg-type] # chunks
            except httpx.TransportError:  # the connection is closed while the client still sends
                continue
            assert answer.status_code == 413
        headers = {"authorization": f"Bearer {TOKENS['dana']}"}
        reason = {"choice": "reject", "reason": "x" * 80_000}
        path = f"/api/v1/proposals/sha256:{'0' * 64}/decision"
        assert (await client.post(path, json=reason, headers=headers)).status_code == 413
    assert await alerts_kept(web) == 0


@attack(
    "body-nested",
    "A body that is nested a hundred thousand levels deep",
    tried="lists and objects 17 to 100,000 deep: as the body, inside an alert, as a label, to the API",
    stopped="depth is bounded right after parsing; the parser itself is bounded",
)
@pytest.mark.parametrize("depth", [17, 400, 900, 990, 5_000, 100_000])
async def test_nested(web: Web, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    objects = '{"a":' * depth + "1" + "}" * depth
    inside = json.dumps(notification(alerts=[{"labels": "DEEP"}]))
    async with web.client as client:
        for body in (deep, objects, inside.replace('"DEEP"', deep), inside.replace('"DEEP"', objects)):
            assert (await client.post(HOOK, content=body, headers=SENDER)).status_code == 422, body[:80]
        headers = {"authorization": f"Bearer {TOKENS['dana']}"}
        path = f"/api/v1/proposals/sha256:{'0' * 64}/decision"
        choice = '{"choice": ' + deep + "}"
        assert (await client.post(path, content=choice, headers=headers)).status_code in (413, 422)
    assert await alerts_kept(web) == 0


async def raw(url: str, request: bytes) -> bytes:
    """Everything that the server answers to these bytes on one connection."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), timeout=60)
    finally:
        writer.close()


SMUGGLED = b"GET /api/v1/incidents HTTP/1.1\r\nHost: h\r\n\r\n"
"""A second request that is hidden in the body of the first."""


@attack(
    "header-smuggling",
    "A request that a proxy and Midwatch would read differently",
    tried="two lengths, a length and chunks, a spaced or doubled transfer-encoding, two hosts, method and path overrides",
    stopped="whatever could be read in two ways is answered 400 and the connection is closed",
)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"Content-Length: 4\r\nContent-Length: 50\r\n", id="two lengths"),
        pytest.param(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", id="a length and chunks"),
        pytest.param(b"Transfer-Encoding : chunked\r\n", id="a space before the colon"),
        pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", id="two encodings"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", id="an unknown encoding"),
        pytest.param(b"Content-Length: +4\r\n", id="a signed length"),
        pytest.param(b"Host: other\r\nContent-Length: 0\r\n", id="two hosts"),
        pytest.param(b"X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n", id="another method"),
        pytest.param(b"X-Original-URL: /api/v1/control/resume\r\nContent-Length: 0\r\n", id="another path"),
        pytest.param(b"A: b\r\n C: folded\r\nContent-Length: 0\r\n", id="a folded header line with another inside"),
    ],
)
async def test_header_smuggling(web: Web, headers: bytes) -> None:
    token = f"Authorization: Bearer {WEBHOOK}\r\n".encode()
    request = b"POST " + HOOK.encode() + b" HTTP/1.1\r\nHost: h\r\n" + token + headers + b"\r\n0\r\n\r\n" + SMUGGLED
    said = await raw(web.url, request)
    first = said.split(b"\r\n", 1)[0]
    if b"folded" in headers:  # it is joined to the line before it, which means nothing here
        assert first.startswith(b"HTTP/1.1 4"), said
        return
    assert first.startswith(b"HTTP/1.1 400"), said
    assert said.count(b"HTTP/1.1 ") == 1, "a second request was answered"


async def test_control_without_the_bounds_the_hidden_request_is_answered() -> None:
    async def answers_all(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):
                pass
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    for app, answers in ((answers_all, 2), (Bounds(answers_all), 1)):
        async with listening(app) as url:
            assert (await raw(url, head + SMUGGLED)).count(b"HTTP/1.1 ") == answers


async def test_control_an_honest_request_keeps_its_connection(web: Web) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    assert (await raw(web.url, request * 2)).count(b"HTTP/1.1 200") == 2


@attack(
    "path-traversal",
    "A path that leaves its folder",
    tried="dots, encoded dots, absolute paths and NUL in the names of runbooks, assets, incidents and evidence",
    stopped="names are looked up among what was read; ids have a strict form; no name becomes a path",
)
@pytest.mark.parametrize(
    "path",
    [
        "/runbooks/..%2f..%2f..%2fetc%2fpasswd",
        "/runbooks/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/runbooks/%2fetc%2fpasswd",
        "/runbooks/bad-code-deploy.md%00.html",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/%2e%2e/service/web/app.py",
        "/static//etc/passwd",
        "/incidents/..%2f..%2fetc",
        "/incidents/inc-1%2f..%2f..",
        "/incidents/inc-1/evidence/..%2f..%2fx",
        "/api/v1/incidents/inc-1%00",
    ],
)
async def test_path_traversal(web: Web, path: str) -> None:
    async with web.client as client:
        await sign_in(client, "dana")
        client.headers["authorization"] = f"Bearer {TOKENS['dana']}"
        answer = await client.get(path)
    assert answer.status_code in (400, 404, 422), answer.text[:300]
    assert "root:" not in answer.text
    assert "create_app" not in answer.text


async def test_control_a_runbook_and_an_asset_are_shown(web: Web) -> None:
    async with web.client as client:
        await sign_in(client, "dana")
        listing = await client.get("/runbooks")
        slug = next(part.split('"')[0] for part in listing.text.split('href="/runbooks/')[1:])
        assert (await client.get(f"/runbooks/{slug}")).status_code == 200


@attack(
    "cross-site-form",
    "A foreign page posts a decision in the name of who is signed in",
    tried="the form without its token, with a made-up one, and with another session's",
    stopped="every form carries its session's own token; the cookie is SameSite=Strict",
)
async def test_cross_site_form(web: Web) -> None:
    incident = await web.book.reach(Phase.AWAITING_DECISION)
    assert web.book.proposal is not None
    form = {"choice": "approve", "digest": web.book.proposal.digest}
    async with web.client as client, web.client as other:
        await sign_in(client, "dana")
        await sign_in(other, "dana")
        foreign = await csrf_of(other, f"/incidents/{incident}")
        for csrf in ({}, {"csrf": "0" * 64}, {"csrf": foreign}):
            answer = await client.post(f"/incidents/{incident}/decision", data=form | csrf)
            assert answer.status_code == 403, csrf
        honest = await client.post(
            f"/incidents/{incident}/decision", data=form | {"csrf": await csrf_of(client, f"/incidents/{incident}")}
        )
        assert honest.status_code == 303, "the control: with its own token the form counts"


@attack(
    "forged-session",
    "A session cookie is made up or taken from another installation",
    tried="unsigned, signed with another secret, and one bit changed",
    stopped="cookies are signed with the installation's secret and name a token's digest",
)
async def test_forged_session(web: Web) -> None:
    person = web.context.settings.people[0].person
    good = web.context.identities.cookie(person)
    foreign = Identities(people=web.context.settings.people, secret=secrets.token_hex(32)).cookie(person)
    async with web.client as client:
        for cookie in ("dana", foreign, good[:-6] + ("a" if good[-6] != "a" else "b") + good[-5:]):
            client.cookies.set("midwatch", cookie)
            assert (await client.get("/")).status_code == 303
        client.cookies.set("midwatch", good)
        assert (await client.get("/")).status_code == 200, "the control"


@attack(
    "open-redirect",
    "A sign-in link leads to another host",
    tried="next=//host, https://host, /\\host and a tab inside, after a good sign-in",
    stopped="only printable paths of this host are followed",
)
async def test_open_redirect(web: Web) -> None:
    async with web.client as client:
        for wanted in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"):
            answer = await client.post("/sign-in", data={"token": TOKENS["dana"], "next": wanted})
            assert answer.headers["location"] == "/"


@attack(
    "token-guessing",
    "Tokens are guessed",
    tried="wrong tokens as fast as they are answered, at the API and at the sign-in form",
    stopped="429 after 60 wrong credentials a minute from one address; who is signed in is not turned away",
)
async def test_token_guessing(web: Web) -> None:
    async with web.client as person, web.client as client:
        await sign_in(person, "dana")
        answers = [
            (
                await client.get("/api/v1/incidents", headers={"authorization": f"Bearer {secrets.token_hex(16)}"})
            ).status_code
            for _ in range(FAILURES + 5)
        ]
        assert answers == [401] * FAILURES + [429] * 5
        assert (await client.post("/sign-in", data={"token": "x" * 20})).status_code == 429
        assert (await person.get("/")).status_code == 200
        assert (await client.post(HOOK, json=notification(), headers=SENDER)).status_code == 200


@attack(
    "script-in-an-alert",
    "Text of an alert runs as a script in the console",
    tried="`<script>`, an event handler and a javascript: link in labels, annotations and generatorURL",
    stopped="everything is escaped, links have the web's schemes only, and the policy allows no inline script",
)
async def test_script_in_an_alert(web: Web) -> None:
    nasty = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    sent = notification()
    [alert] = sent["alerts"]  # type: ignore[misc] # it is a list
    alert["labels"] |= {"alertname": nasty, "severity": "critical"}
    alert["annotations"] = {"summary": nasty, "runbook_url": "javascript:alert(3)"}
    alert["generatorURL"] = "javascript:alert(4)"
    async with web.client as client:
        [incident] = (await client.post(HOOK, json=sent, headers=SENDER)).json()["opened"]
        await sign_in(client, "dana")
        page = await client.get(f"/incidents/{incident}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert 'href="javascript:' not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


@attack(
    "query-injection",
    "SQL in a search box",
    tried="quotes, comments and a second statement in the search, the cursor and an id",
    stopped="every value is a bound parameter; cursors and ids have a form",
)
async def test_query_injection(web: Web) -> None:
    await web.book.reach(Phase.INVESTIGATING)
    async with web.client as client:
        client.headers["authorization"] = f"Bearer {TOKENS['dana']}"
        for words in ("' OR '1'='1", "'; DROP TABLE incident; --", "%' OR 1=1 --", "\\'"):
            found = await client.get("/api/v1/incidents", params={"q": words})
            assert (found.status_code, found.json()["incidents"]) == (200, []), words
            assert (await client.get("/api/v1/incidents", params={"cursor": words})).status_code == 422
        honest = await client.get("/api/v1/incidents")
        assert len(honest.json()["incidents"]) == 1


@attack(
    "secret-in-an-alert",
    "A credential in an alert ends up in the database",
    tried="a cloud key, a token in a URL and a password in annotations and generatorURL; every table is searched",
    stopped="redaction before anything is stored, failing closed",
)
async def test_secret_in_an_alert(web: Web) -> None:
    key = "AKIA" + "Q3EGRIYSXB5PZTNK"
    password = "h0rse-" + secrets.token_hex(8)
    sent = notification()
    [alert] = sent["alerts"]  # type: ignore[misc] # it is a list
    alert["annotations"] = {"summary": f"login with password={password} failed, key {key}"}
    alert["generatorURL"] = f"http://user:{password}@prometheus/graph?token={password}"
    async with web.client as client:
        assert (await client.post(HOOK, json=sent, headers=SENDER)).status_code == 200
    async with web.context.store.transaction() as tx:
        tables = [
            row.tablename
            for row in await tx.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ]
        for table in tables:
            rows = await tx.execute(text(f'SELECT string_agg(t::text, chr(10)) AS everything FROM "{table}" t'))
            everything = str(rows.scalar_one() or "")
            assert password not in everything, table
            assert key not in everything, table
    assert await alerts_kept(web) == 1


@attack(
    "flood",
    "A flood of deliveries makes Midwatch lose an alert",
    tried="200 deliveries at once while the database is held up",
    stopped="beyond the places at the gate the answer is 503 with Retry-After; 200 only after the commit",
)
async def test_flood(web: Web) -> None:
    async with web.client as client:

        async def deliver(number: int) -> int:
            sent = notification(groupKey=f"{{}}:{{{number}}}")
            [alert] = sent["alerts"]  # type: ignore[misc] # it is a list
            sent["alerts"] = [alert | {"fingerprint": f"{number:016x}", "labels": alert["labels"] | {"n": str(number)}}]
            answer = await client.post(HOOK, json=sent, headers=SENDER, timeout=60)
            assert answer.status_code == 200 or answer.headers["retry-after"]
            return answer.status_code

        statuses = await asyncio.gather(*(deliver(number) for number in range(200)))
    assert set(statuses) <= {200, 503}
    assert await alerts_kept(web) == statuses.count(200)
