"""The policy for people: its rows, and why it says what it says of a proposal."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from incidents.incident import Phase
from orchestrator.settings import Settings
from tests.service.web.casebook import Casebook
from tests.service.web.serving import web_settings
from tests.service.web.signing import sign_in


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_the_rows_are_shown(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    page = plain((await client.get("/policy")).text)
    assert "The first that matches decides" in page
    assert "rollback workload" in page
    assert "oncall" in page


async def test_why_a_proposal_has_to_be_asked(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    [link] = re.findall(r'href="(/policy\?digest=[0-9a-f]+)"', (await client.get(f"/incidents/{incident}")).text)
    html = (await client.get(link)).text
    page = plain(html)
    assert "Why: Roll checkout back to revision 41" in page
    assert "this row decides" in page
    assert "Needed now:" in page
    assert f"/incidents/{incident}" in html


async def test_a_digest_that_is_none_is_told(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    assert "no proposal begins with abc" in (await client.get("/policy?digest=abc")).text
    assert (await client.get("/policy?digest=%3Cscript%3E")).status_code == 422


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if "broken" not in request.node.name:
        return web_settings()
    (tmp_path / "policy.yaml").write_text("rules: [{name: x, effect: perhaps}]")
    return web_settings(policy=str(tmp_path / "policy.yaml"))


async def test_a_broken_policy_says_where(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    page = (await client.get("/policy")).text
    assert "policy.yaml" in page
    assert "effect" in page
