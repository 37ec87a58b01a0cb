"""The console in Chromium: signing in, deciding, live updates, a phone, the dark; pictures are kept in build/screenshots."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from incidents.incident import EventKind, Phase
from incidents.proposal import ProposalStatus
from orchestrator.store.database import Store
from orchestrator.store.proposals import proposal_by
from service.web.context import WebContext
from tests.service.web.browsing import PHONE, window
from tests.service.web.casebook import Casebook

pytestmark = pytest.mark.browser


async def test_an_approval_by_a_click(browser: Browser, base: str, book: Casebook, store: Store) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base)
    await seen.page.get_by_role("link", name="checkout returns 5xx").click()
    approve = seen.page.get_by_role("button", name="Approve")
    await expect(approve).to_be_in_viewport()
    await seen.keep("incident-awaiting-wide")
    await approve.click()
    await expect(seen.decision.get_by_text("Approved by On-call primary")).to_be_visible()
    await expect(approve).to_have_count(0)
    assert seen.page.url == f"{base}/incidents/{incident}"
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.APPROVED
    assert seen.complaints == []


async def test_a_rejection_with_its_reason(browser: Browser, base: str, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base)
    await seen.open(f"/incidents/{book.incident}")
    await seen.page.get_by_text("Reject…").click()
    await seen.page.get_by_label("Why it is rejected").fill("Payments are reconciled until 03:00.")
    await seen.keep("incident-rejecting-wide", whole=False)
    await seen.page.get_by_role("button", name="Reject", exact=True).click()
    await expect(seen.decision.get_by_text("Rejected by On-call primary")).to_be_visible()
    await expect(seen.decision.get_by_text("Payments are reconciled until 03:00.")).to_be_visible()
    assert seen.complaints == []


async def test_an_open_page_follows_and_keeps_what_is_typed(browser: Browser, base: str, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base)
    await seen.open(f"/incidents/{book.incident}")
    await seen.page.get_by_text("Reject…").click()
    reason = seen.page.get_by_label("Why it is rejected")
    await reason.fill("half a senten")
    await seen.page.evaluate("document.getElementById('going-1').open = true; window.scrollTo(0, 200)")
    await seen.hears()
    await book.say(EventKind.NOTE, "Owner of checkout", "I am looking at it too")
    await expect(seen.page.get_by_text("I am looking at it too")).to_be_visible()
    await expect(reason).to_have_value("half a senten")
    await expect(reason).to_be_focused()
    assert await seen.page.evaluate("document.getElementById('going-1').open && window.scrollY === 200")
    await book.approve()
    await expect(seen.decision.get_by_text("Approved by On-call primary")).to_be_visible()
    await expect(reason).to_have_count(0)
    await book.dispatch()
    await expect(seen.decision.get_by_text("4/6 ready")).to_be_visible()
    assert seen.complaints == []


async def test_the_list_follows_too(browser: Browser, base: str, book: Casebook) -> None:
    seen = await window(browser, base)
    await seen.keep("list-empty-wide", whole=False)
    waiting = seen.page.get_by_role("heading", name="Waiting for you")
    await expect(waiting).to_have_count(0)
    await seen.hears()
    await book.reach(Phase.AWAITING_DECISION)
    await expect(waiting).to_have_text("Waiting for you 1")
    await expect(seen.page.get_by_role("link", name="Waiting for you 1", exact=True)).to_be_visible()
    await expect(seen.page.get_by_role("link", name="Incidents 1 waiting for you")).to_be_visible()
    assert seen.complaints == []


@pytest.mark.parametrize("phase", [Phase.INVESTIGATING, Phase.AWAITING_DECISION, Phase.VERIFIED, Phase.UNDONE])
async def test_a_phone_shows_it_without_scrolling_sideways(
    browser: Browser, base: str, book: Casebook, phase: Phase
) -> None:
    await book.reach(phase)
    seen = await window(browser, base, size=PHONE)
    await seen.open(f"/incidents/{book.incident}")
    assert await seen.fits()
    if phase is Phase.AWAITING_DECISION:
        await expect(seen.page.get_by_role("button", name="Approve")).to_be_in_viewport()
    await seen.keep(f"incident-{phase.value}-phone", whole=False)
    for path in ("/", "/audit", "/runbooks", "/runbooks/memory-limit-too-low"):
        await seen.open(path)
        assert await seen.fits(), path
    assert seen.complaints == []


async def test_the_theme_can_be_chosen_and_is_remembered(browser: Browser, base: str) -> None:
    seen = await window(browser, base, color_scheme="light")
    await seen.page.get_by_text("On-call primary").click()
    await seen.page.get_by_role("button", name="Dark").click()
    await seen.page.reload()
    assert await seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 16, 21)"
    assert seen.complaints == []


async def test_a_printed_link_signs_in_and_leaves_the_address_bar(
    browser: Browser, context: WebContext, base: str
) -> None:
    page = await (await browser.new_context()).new_page()
    await page.goto(base + context.sign_in_path(context.settings.people[0].person))
    await expect(page.get_by_role("heading", name="Incidents", level=1)).to_be_visible()
    assert page.url == f"{base}/"
