"""Sessions, CSRF, one-time links, roles, and the headers that every answer carries."""

from __future__ import annotations

import asyncio
import re
import time
from html import escape as html_escape
from html.parser import HTMLParser

import httpx
import pytest
from sqlmodel import col, select

from incidents.approval import Person
from incidents.incident import Phase
from orchestrator.store.database import Store
from orchestrator.store.once import UsedRow
from service.web.app import create_app
from service.web.context import WebContext
from service.web.identity import Identities
from service.web.pages.sign_in import redeemed
from tests.service.web.casebook import Casebook
from tests.service.web.estate import NASTY
from tests.service.web.serving import TOKENS, web_context, web_settings
from tests.service.web.signing import csrf_of, sign_in
from tools.clock import ManualClock

POLICY = re.compile(r"default-src 'none';.*script-src 'self';.*style-src 'self';.*frame-ancestors 'none'")


async def test_pages_want_a_session_and_come_back_to_the_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/audit?before=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/audit%3Fbefore%3D3")


@pytest.mark.parametrize("token", ["wrong", "", "token-of-dana-oncall-and-more"])
async def test_a_wrong_token_opens_nothing(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.post("/sign-in", data={"token": token})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_the_session_cookie_is_out_of_reach(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sign-in", data={"token": TOKENS["dana"], "next": "/audit"})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.headers["location"] == "/audit"
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert TOKENS["dana"] not in cookie


async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(context: WebContext, clock: ManualClock) -> None:
    settings = web_settings(listen={"public_url": "https://midwatch.example.com"})
    app = create_app(web_context(context.store, settings, clock))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="https://midwatch.example.com"
    ) as client:
        answer = await client.post("/sign-in", data={"token": TOKENS["dana"]})
    assert answer.headers["set-cookie"].startswith("__Host-midwatch=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers


@pytest.mark.parametrize("wanted", ["//evil.example.com", "https://evil.example.com", "/\\evil.example.com", "x"])
async def test_signing_in_leads_to_no_other_host(client: httpx.AsyncClient, wanted: str) -> None:
    answer = await client.post("/sign-in", data={"token": TOKENS["dana"], "next": wanted})
    assert answer.headers["location"] == "/"


async def test_a_forged_or_foreign_cookie_is_nobody(client: httpx.AsyncClient, context: WebContext) -> None:
    person = context.settings.people[0].person
    foreign = Identities(people=context.settings.people, secret="another secret").cookie(person)
    for cookie in (foreign, "x", context.identities.cookie(person)[:-2] + "aa"):
        client.cookies.set("midwatch", cookie)
        assert (await client.get("/")).status_code == 303


async def test_a_token_that_is_taken_away_ends_its_sessions(client: httpx.AsyncClient, context: WebContext) -> None:
    secret = context.identities.secret
    cookie = context.identities.cookie(context.settings.people[0].person)
    changed = web_settings(people=[{"name": "On-call primary", "token": "a-new-token-of-dana", "roles": ["oncall"]}])
    assert context.identities.session(cookie) is not None
    assert Identities(people=changed.people, secret=secret).session(cookie) is None


async def test_a_printed_link_signs_in_once_and_leaves_the_address(
    client: httpx.AsyncClient, context: WebContext
) -> None:
    link = context.sign_in_path(context.settings.people[0].person)
    first = await client.get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert (await client.get("/")).status_code == 200
    client.cookies.clear()
    again = await client.get(link)
    assert again.status_code == 200
    assert "was used already" in again.text
    assert "set-cookie" not in again.headers


async def test_a_link_is_used_once_on_all_replicas(store: Store, clock: ManualClock) -> None:
    """Two processes with the same secret; eight requests at once, half at each."""
    settings = web_settings(session_secret="the-secret-of-both-replicas")
    one, other = (web_context(store, settings, clock) for _ in range(2))
    code = one.identities.one_time_code(settings.people[0].person)
    answers: list[asyncio.Task[Person | None]] = []
    async with asyncio.TaskGroup() as group:
        answers += [group.create_task(redeemed(replica, code)) for replica in (one, other) * 4]
    assert [answer.result() for answer in answers if answer.result()] == [settings.people[0].person]
    async with store.transaction() as tx:
        [key] = await tx.scalars(select(col(UsedRow.key)))
    assert code not in key, "the row does not hold the code"


async def test_a_link_that_another_site_opens_asks_first(client: httpx.AsyncClient, context: WebContext) -> None:
    link = context.sign_in_path(context.settings.people[0].person)
    asked = await client.get(link, headers={"Sec-Fetch-Site": "cross-site"})
    assert "set-cookie" not in asked.headers
    assert "Sign in as On-call primary" in asked.text
    answer = await client.post("/sign-in", data={"code": link.partition("token=")[2]})
    assert answer.status_code == 303


async def test_a_link_ends_after_ten_minutes(context: WebContext, monkeypatch: pytest.MonkeyPatch) -> None:
    code = context.identities.one_time_code(context.settings.people[0].person)
    later = time.time() + 601
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert context.identities.link(code) is None


async def test_forms_without_the_sessions_own_token_do_nothing(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    for csrf in ("", "0" * 64):
        form = {"digest": book.digest, "choice": "approve", "csrf": csrf}
        answer = await client.post(f"/incidents/{incident}/decision", data=form)
        assert answer.status_code == 403
    await sign_in(client, "sam")
    stolen = await csrf_of(client, f"/incidents/{incident}")
    await sign_in(client, "dana")
    answer = await client.post("/control", data={"switch": "pause", "reason": "x", "csrf": stolen})
    assert answer.status_code == 403


async def test_signing_out_ends_the_session(client: httpx.AsyncClient) -> None:
    await sign_in(client, "dana")
    await client.post("/sign-out", data={"csrf": await csrf_of(client, "/")})
    assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/nothing-here", "/healthz", "/api/v1/incidents", "/static/midwatch.css"]
)
async def test_every_answer_carries_the_strict_policy(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert POLICY.match(answer.headers["content-security-policy"])
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_page_holds_inline_script_or_style_or_an_outside_asset(
    client: httpx.AsyncClient, book: Casebook
) -> None:
    incident = await book.reach(Phase.VERIFIED)
    await sign_in(client, "dana")
    paths = ("/", "/audit", "/runbooks", "/runbooks/memory-limit-too-low", f"/incidents/{incident}")
    for path in (*paths, f"/incidents/{incident}/postmortem", "/sign-in"):
        html = (await client.get(path)).text
        elements = Elements(html).found
        assert elements, path
        for name, attributes in elements:
            assert name not in {"style", "iframe", "object", "embed", "base"}, path
            assert not [key for key in attributes if key == "style" or key.startswith("on")], path
            assert name != "script" or str(attributes.get("src", "")).startswith("/static/"), path
            assert name != "img", path
            if name == "link":
                assert str(attributes["href"]).startswith("/static/"), path
    assert html_escape(NASTY) in (await client.get(f"/incidents/{incident}")).text


class Elements(HTMLParser):
    """The elements of a page as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


async def test_assets_are_cached_by_their_digest_and_pages_never(client: httpx.AsyncClient) -> None:
    page = await client.get("/sign-in")
    [sheet] = re.findall(r"href=\"(/static/midwatch\.css\?v=\w+)\"", page.text)
    assert "immutable" in (await client.get(sheet)).headers["cache-control"]
    assert page.headers["cache-control"] == "no-store"
