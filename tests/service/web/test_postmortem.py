"""The post-mortem: every sentence leads to its records, and it can be taken away as Markdown and as HTML."""

from __future__ import annotations

import re

import httpx

from incidents.incident import Phase
from service.story.places import absolute
from tests.service.web.casebook import Casebook
from tests.service.web.signing import sign_in

CONSOLE = "http://127.0.0.1:8484"


async def test_the_page_leads_to_every_source(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.VERIFIED)
    await sign_in(client, "ada")
    page = (await client.get(f"/incidents/{incident}/postmortem")).text
    assert "<h2>Root cause</h2>" in page
    article = page.split("<article")[1].split("</article>")[0]
    places = set(re.findall(r'href="([^"]+)"', article))
    evidence = {place for place in places if "/evidence/" in place}
    assert len(evidence) >= 3
    assert any(place.startswith("/audit?incident=") for place in places)
    for place in places:
        if place.startswith("/"):
            assert (await client.get(place.replace("&amp;", "&"))).status_code == 200, place
    whole = (await client.get(f"/incidents/{incident}")).text
    anchors = {place.partition("#")[2] for place in places if place.startswith(f"/incidents/{incident}#")}
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in whole] == []


async def test_its_times_are_those_of_the_metrics(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.VERIFIED)
    await sign_in(client, "ada")
    page = (await client.get(f"/incidents/{incident}/postmortem")).text
    shown = dict(re.findall(r"<dt>([^<]+)</dt><dd class=\"num\">([^<]+)</dd>", page))
    assert set(shown) == {
        "Detected after",
        "Diagnosed after",
        "Decided after",
        "Restored after",
        "Waited for people",
        "Toil saved, about",
    }
    assert shown["Waited for people"] == "65 s"
    [told] = re.findall(r"Agents made (\d+) observations: about ([^<]+?) by hand", page)
    assert (told[0], told[1]) == ("32", shown["Toil saved, about"])
    assert "It came again." not in page


async def test_what_came_before_is_said(client: httpx.AsyncClient, book: Casebook) -> None:
    first = await book.reach(Phase.VERIFIED)
    await book.clock.advance(3600)
    second = await book.reach(Phase.UNDONE, group="search")
    await sign_in(client, "ada")
    page = (await client.get(f"/incidents/{second}/postmortem")).text
    assert "It came again." in page
    assert f'href="/incidents/{first}"' in page
    assert "It came again." not in (await client.get(f"/incidents/{first}/postmortem")).text


async def test_it_can_be_taken_away(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.VERIFIED)
    await sign_in(client, "ada")
    text = await client.get(f"/incidents/{incident}/postmortem.md")
    assert text.headers["content-disposition"] == f'attachment; filename="{incident}.md"'
    assert text.text.startswith("# Post-mortem")
    assert f"]: {CONSOLE}/incidents/{incident}/evidence/" in text.text
    assert "]: /" not in text.text
    assert "](/" not in text.text
    html = await client.get(f"/incidents/{incident}/postmortem.html")
    assert html.headers["content-disposition"] == f'attachment; filename="{incident}.html"'
    assert f'href="{CONSOLE}/incidents/{incident}/evidence/' in html.text
    assert "<script" not in html.text
    assert 'src="' not in html.text, "nothing is loaded from elsewhere"


async def test_before_the_end_there_is_none(client: httpx.AsyncClient, book: Casebook) -> None:
    open_still = await book.reach(Phase.OPEN)
    await sign_in(client, "ada")
    for ending in ("", ".md", ".html"):
        assert (await client.get(f"/incidents/{open_still}/postmortem{ending}")).status_code == 404


def test_only_places_of_the_console_get_its_address() -> None:
    text = "see [1] /incidents/x (https://grafana/incidents)\n[1]: /incidents/x#a\n[2]: https://elsewhere/audit\n"
    assert absolute(text, base="https://m") == text.replace("[1]: /", "[1]: https://m/")
