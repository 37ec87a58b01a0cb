"""The list of incidents: what waits for me first, filters and words by the address, counts, and what empty lists say."""

from __future__ import annotations

import re

import httpx
import pytest

from incidents.incident import Phase
from service.web.pages import listing
from service.web.pages.filters import asked
from tests.service.web.casebook import Casebook
from tests.service.web.signing import sign_in


async def test_the_list_puts_what_waits_for_me_first(client: httpx.AsyncClient, book: Casebook) -> None:
    waiting = await book.reach(Phase.AWAITING_DECISION)
    newer = await book.reach(Phase.OPEN, group="search")
    for who, mine in (("dana", True), ("ada", False)):
        await sign_in(client, who)
        page = (await client.get("/")).text
        assert ('id="mine"' in page) is mine
        assert (page.index(waiting) < page.index(newer)) is mine
        only_mine = (await client.get("/?view=mine")).text
        assert (waiting in only_mine) is mine
        assert newer not in only_mine
        assert ("Nothing waits for you." in only_mine) is not mine


async def test_the_frame_counts_what_waits_for_me_on_every_page(client: httpx.AsyncClient, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    for who, badges in (("dana", {"1"}), ("ada", set())):
        await sign_in(client, who)
        page = (await client.get("/runbooks")).text
        assert set(re.findall(r'class="badge num"[^>]*>(\d+)<', page)) == badges


async def test_what_waits_for_me_is_on_the_first_page_however_old_it_is(
    client: httpx.AsyncClient, book: Casebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = await book.reach(Phase.AWAITING_DECISION)
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(3):
        await book.clock.advance(60)
        await book.reach(Phase.OPEN, group=f"service-{number}")
    await sign_in(client, "dana")
    page = (await client.get("/")).text
    assert waiting in page
    assert "Older incidents" in page
    [older] = re.findall(r'href="([^"]+)">Older incidents', page)
    behind = (await client.get(older.replace("&amp;", "&"))).text
    assert "service-0" in behind
    assert "service-2" not in re.sub(r"<select.*?</select>", "", behind, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("view=active", True),
        ("view=closed", False),
        ("q=checkout", True),
        ("q=nothing-like-it", False),
        ("q=OOMKilled", True),
        ('q="memory limit too low"', True),
        ("q=OOMKilled+-checkout", False),
        ("severity=1", True),
        ("service=checkout", True),
        ("service=payments", False),
        ("namespace=shop", True),
        ("namespace=bank", False),
        ("within=1h", True),
        ("view=no-such-view&severity=nine&within=ever", True),
    ],
)
async def test_the_list_filters(client: httpx.AsyncClient, book: Casebook, query: str, shown: bool) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "ada")
    page = (await client.get(f"/?{query}")).text
    assert (incident in page) is shown
    assert ("No incident matches." in page or "No incident is closed yet." in page) is not shown


async def test_old_incidents_are_left_out_of_the_last_hour(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.OPEN)
    await book.clock.advance(2 * 3600)
    await sign_in(client, "ada")
    assert incident not in (await client.get("/?within=1h")).text
    assert incident in (await client.get("/?within=24h")).text


async def test_the_tabs_count_under_the_other_filters(client: httpx.AsyncClient, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    await book.reach(Phase.OPEN, group="search")
    await sign_in(client, "dana")
    counts = {}
    for query in ("", "service=search"):
        page = (await client.get(f"/?{query}")).text
        tabs = re.findall(r'<a href="/[^"]*"[^>]*>([A-Z][a-z ]+M?[a-z ]*) <span class="num">(\d+)</span>', page)
        counts[query] = {label: int(number) for label, number in tabs}
    assert counts[""] == {"All": 2, "Waiting for you": 1, "Midwatch works on": 2, "People own": 0, "Closed": 0}
    assert counts["service=search"] == {**counts[""], "All": 1, "Waiting for you": 0, "Midwatch works on": 1}


def test_an_address_keeps_what_it_does_not_change() -> None:
    chosen = asked(q="pool full", service="web")
    assert chosen.url(view="closed") == "/?view=closed&q=pool+full&service=web"
    assert chosen.url(q="", service="") == "/"


async def test_an_empty_list_says_how_it_fills(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    assert "/api/v1/alerts/alertmanager" in (await client.get("/")).text
