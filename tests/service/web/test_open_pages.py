"""Pages that stay open through a night: they follow, say when they cannot, and a session that ends loses no place."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Browser, expect

from incidents.incident import EventKind, Phase
from orchestrator.store.database import Store
from service.ports import free_port
from service.web.pages import listing
from tests.service.web.browsing import window
from tests.service.web.casebook import Casebook
from tests.service.web.serving import served, web_context, web_settings
from tests.service.web.signing import csrf_of, sign_in
from tools.clock import ManualClock

HX = {"HX-Request": "true"}


async def pause(client: httpx.AsyncClient) -> None:
    form = {"switch": "pause", "reason": "vendor works on it", "csrf": await csrf_of(client, "/")}
    assert (await client.post("/control", data=form)).status_code == 303


@pytest.mark.parametrize("target", ["incident", "incidents", "agents"])
async def test_an_open_page_hears_of_a_pause(client: httpx.AsyncClient, book: Casebook, target: str) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    path = {"incident": f"/incidents/{incident}/live", "incidents": "/", "agents": "/agents"}[target]
    await sign_in(client, "dana")
    headers = HX | {"HX-Target": target}
    before = (await client.get(path, headers=headers)).text
    assert '<div id="paused" hx-swap-oob="true">' in before
    assert "Execution is paused" not in before
    await pause(client)
    after = (await client.get(path, headers=headers)).text
    [banner] = re.findall(r'<div id="paused" hx-swap-oob="true">(.*)</div>', after, flags=re.DOTALL)
    assert "vendor works on it" in banner
    assert f'value="{path.removesuffix("/live")}"' in banner, "Resume leads back to the page"


async def test_beside_approve_stands_that_nothing_would_run(client: httpx.AsyncClient, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    assert "approved again" not in (await client.get(f"/incidents/{book.incident}")).text
    await pause(client)
    assert "What is approved now is not run" in (await client.get(f"/incidents/{book.incident}")).text


async def test_the_title_of_a_tab_follows(client: httpx.AsyncClient, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    live = (await client.get(f"/incidents/{book.incident}/live", headers=HX)).text
    assert live.startswith("<title>checkout returns 5xx · waiting for a decision · Midwatch</title>")
    listed = (await client.get("/", headers=HX | {"HX-Target": "incidents"})).text
    assert listed.startswith("<title>(1) Incidents · Midwatch</title>")


async def test_an_older_page_of_the_list_stays_that_page(
    client: httpx.AsyncClient, book: Casebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(3):
        await book.clock.advance(60)
        await book.reach(Phase.OPEN, group=f"service-{number}")
    await sign_in(client, "dana")
    [older] = re.findall(r'href="([^"]+)">Older incidents', (await client.get("/")).text)
    behind = (await client.get(older.replace("&amp;", "&"))).text
    [follows] = re.findall(r'<div hx-get="(/[^"]*)"', behind)
    again = (await client.get(follows.replace("&amp;", "&"), headers=HX | {"HX-Target": "incidents"})).text
    assert "service-0" in again
    assert "service-2" not in again


@pytest.mark.parametrize(
    ("method", "path", "headers", "door"),
    [
        pytest.param(
            "GET",
            "/incidents/inc-1/live",
            HX | {"HX-Current-URL": "http://midwatch.test/incidents/inc-1?a=b"},
            "/sign-in?next=/incidents/inc-1%3Fa%3Db",
            id="an open page that asks for its live part comes back to itself",
        ),
        pytest.param(
            "GET",
            "/incidents/inc-1/live",
            HX | {"HX-Current-URL": "http://elsewhere.test/incidents/inc-1"},
            "/sign-in",
            id="an address of another host leads nowhere",
        ),
        pytest.param(
            "POST",
            "/incidents/inc-1/decision",
            {"Referer": "http://midwatch.test/incidents/inc-1"},
            "/sign-in?next=/incidents/inc-1&lost=1",
            id="a click comes back to its page, and is said not to have counted",
        ),
        pytest.param("POST", "/sign-out", {}, "/sign-in", id="signing out twice loses nothing"),
    ],
)
async def test_a_session_that_ended_comes_back_to_the_page(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], door: str
) -> None:
    answer = await client.request(method, path, headers=headers)
    assert answer.headers.get("location", answer.headers.get("hx-redirect")) == door
    said = "what you sent was not done" in (await client.get(door)).text
    assert said is ("lost=1" in door)


async def test_a_link_of_another_site_is_asked_for_once_more_from_here(client: httpx.AsyncClient) -> None:
    led = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = await client.get("/incidents/inc-1?a=b", headers=led)
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=/incidents/inc-1?a=b">' in answer.text
    from_here = await client.get("/incidents/inc-1?a=b", headers=led | {"Sec-Fetch-Site": "same-origin"})
    assert from_here.headers["location"] == "/sign-in?next=/incidents/inc-1%3Fa%3Db"
    assert (await client.post("/control", headers=led)).status_code == 303, "only what a link can do"


@pytest.mark.browser
async def test_a_link_in_slack_opens_the_page_of_who_is_signed_in(browser: Browser, base: str, book: Casebook) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base)
    elsewhere = base.replace("127.0.0.1", "localhost")
    await seen.page.goto(f"{elsewhere}/sign-in")
    await seen.page.evaluate(f"location.href = '{base}/incidents/{incident}'")
    await expect(seen.page.get_by_role("button", name="Approve")).to_be_visible()
    assert seen.page.url == f"{base}/incidents/{incident}"


@pytest.mark.browser
async def test_a_page_that_hears_nothing_says_so_and_catches_up(
    browser: Browser, store: Store, clock: ManualClock, book: Casebook
) -> None:
    await book.reach(Phase.INVESTIGATING)
    port, settings = free_port(), web_settings(session_secret="one for all replicas and all of their lives")
    async with served(web_context(store, settings, clock), port=port) as base:
        seen = await window(browser, base)
        await seen.open(f"/incidents/{book.incident}")
        await expect(seen.page.locator("#stale")).to_be_hidden()
    stale = seen.page.get_by_text("Midwatch does not answer. What is shown is of")
    await expect(stale).to_be_visible(timeout=30_000)
    await book.say(EventKind.NOTE, "sam", "said while nobody could hear it")
    async with served(web_context(store, settings, clock), port=port):
        await expect(seen.page.get_by_text("said while nobody could hear it")).to_be_visible(timeout=30_000)
        await expect(stale).to_be_hidden(timeout=30_000)
