"""Signing in with an identity provider in Chromium: by its button and back, out again, and who gets no further."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.proposals import proposal_by
from service.ports import free_port
from service.web.context import WebContext
from tests.service.web.browsing import WIDE, Window
from tests.service.web.casebook import Casebook
from tests.service.web.provider import CLIENT, SECRET, provider
from tests.service.web.serving import served, web_settings

pytestmark = pytest.mark.browser

PEOPLE = """
people:
  - {name: Mira, email: mira@example.com, roles: [oncall]}
  - {name: Nora, email: nora@example.com, roles: []}
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as address:
        yield address


@pytest.fixture
def settings(issuer: str, tmp_path: Path) -> Settings:
    (tmp_path / "people.yaml").write_text(PEOPLE)
    oidc = {"issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "label": "Example"}
    return web_settings(oidc=oidc, listen={"port": free_port()}, directory=str(tmp_path / "people.yaml"))


@pytest.fixture
async def base(context: WebContext) -> AsyncIterator[str]:
    """At the address to which the provider sends the browser back."""
    async with served(context, port=context.settings.listen.port) as address:
        assert address == context.base_url
        yield address


async def door(browser: Browser, base: str, issuer: str, **person: Any) -> Window:
    """A fresh window at the door; the provider knows who will sign in."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await client.post(f"{issuer}/test/next", json=person)
    opened = await browser.new_context(viewport=WIDE)  # type: ignore[arg-type] # width and height
    made = Window(await opened.new_page(), base)
    await made.open("/sign-in")
    return made


async def test_in_by_the_providers_button_a_decision_and_out(
    browser: Browser, base: str, issuer: str, book: Casebook, store: Store
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    seen = await door(browser, base, issuer, sub="u-7", email="mira@example.com", name="Mira")
    await seen.open(f"/incidents/{incident}")
    button = seen.page.get_by_role("link", name="Sign in with Example")
    await expect(button).to_be_visible()
    await seen.keep("sign-in-provider")
    assert await seen.barriers() == []
    await button.click()
    approve = seen.page.get_by_role("button", name="Approve")
    await expect(approve).to_be_visible()
    assert seen.page.url == f"{base}/incidents/{incident}", "back on the page that was asked for"
    await approve.click()
    await expect(seen.decision.get_by_text("Approved by Mira")).to_be_visible()
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.APPROVED
    await seen.page.get_by_text("Mira", exact=True).first.click()
    await seen.page.get_by_role("button", name="Sign out").click()
    await expect(button).to_be_visible()
    await seen.page.go_back()
    await seen.page.reload()
    await expect(button).to_be_visible()
    assert seen.complaints == []


@pytest.mark.parametrize(
    ("person", "words"),
    [
        pytest.param(
            {"sub": "u-9", "email": "guest@example.com", "name": "Guest"},
            "guest@example.com is not in its directory of people",
            id="somebody whom the directory does not know",
        ),
        pytest.param(
            {"sub": "u-9", "email": "mira@example.com", "verified": False},
            "no verified e-mail address",
            id="an address that nobody verified",
        ),
        pytest.param({"sub": "u-9", "refuses": True}, "The identity provider refused", id="a provider that refuses"),
    ],
)
async def test_who_gets_no_further_is_told_why(
    browser: Browser, base: str, issuer: str, person: dict[str, Any], words: str
) -> None:
    seen = await door(browser, base, issuer, **person)
    await seen.page.get_by_role("link", name="Sign in with Example").click()
    await expect(seen.page.get_by_role("alert")).to_contain_text(words)
    await seen.keep("sign-in-refused")
    assert await seen.page.context.cookies(f"{base}/") == []
    await seen.open("/audit")
    await expect(seen.page.get_by_role("link", name="Sign in with Example")).to_be_visible()


async def test_a_person_without_roles_may_read_and_decides_nothing(
    browser: Browser, base: str, issuer: str, book: Casebook
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    seen = await door(browser, base, issuer, sub="u-8", email="nora@example.com", name="Nora")
    await seen.page.get_by_role("link", name="Sign in with Example").click()
    await expect(seen.page.get_by_role("heading", name="Incidents", level=1)).to_be_visible()
    await seen.open(f"/incidents/{incident}")
    await expect(seen.decision).to_contain_text("oncall")
    await expect(seen.page.get_by_role("button", name="Approve")).to_have_count(0)
    await seen.keep("incident-without-roles")
    assert seen.complaints == []
