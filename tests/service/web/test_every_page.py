"""Every page of the console in Chromium, wide and on a phone, light and dark: nothing bars anybody from using it.

axe finds nothing serious, nothing is wider than the screen, the browser complains of nothing (the policy against inline
scripts and styles holds), and a picture of each is kept.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from incidents.incident import EventKind, Phase
from orchestrator.settings import Settings
from service.doctor.finding import Answer, Finding, State, Yes
from service.doctor.report import Report
from service.web.app import create_app
from service.web.context import WebContext
from tests.service.web.browsing import PHONE, WIDE, Window, window
from tests.service.web.casebook import Casebook
from tests.service.web.serving import served, web_settings
from tests.service.web.test_evals import run

pytestmark = pytest.mark.browser

LOOKS = (("wide", WIDE, "light"), ("wide", WIDE, "dark"), ("phone", PHONE, "dark"), ("phone", PHONE, "light"))
PICTURED = (("wide", "light"), ("phone", "dark"))
CHANGES_WITH_LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
"""Rules whose answer depends on size or colour: the others are asked once."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for number, right in enumerate((0.88, 0.91, 0.93)):
        (tmp_path / f"{number}.json").write_text(json.dumps(run(right, wrong=("storage/full",))))
    return web_settings(eval_results=str(tmp_path))


async def told(book: Casebook) -> dict[str, str]:
    """Incidents at each phase that looks different; name of a page -> its address."""
    done = await book.reach(Phase.VERIFIED)
    await book.clock.advance(600)
    undone = await book.reach(Phase.UNDONE, group="search")
    await book.reach(Phase.INCONCLUSIVE, group="ledger")
    working = await book.reach(Phase.INVESTIGATING, group="photos")
    waiting = await book.reach(Phase.AWAITING_DECISION, group="cart")
    return {
        "list": "/",
        "list-nothing-found": "/?q=nothing-like-it&severity=1",
        "incident-investigating": f"/incidents/{working}",
        "incident-awaiting": f"/incidents/{waiting}",
        "incident-verified": f"/incidents/{done}",
        "incident-undone": f"/incidents/{undone}",
        "postmortem": f"/incidents/{done}/postmortem",
        "agents": "/agents",
        "runbooks": "/runbooks?show=used",
        "runbook": "/runbooks/memory-limit-too-low",
        "metrics": "/figures?days=7",
        "evals": "/evals",
        "policy": "/policy",
        "policy-why": "/policy?digest=" + book.digest.removeprefix("sha256:")[:12],
        "audit": "/audit",
        "settings": "/settings",
        "doctor": "/settings/doctor",
        "not-found": "/incidents/inc-nothing",
    }


async def look_at(seen: Window, name: str) -> list[str]:
    """All four looks at the page that is open; what is wrong in any."""
    wrong = []
    for place, (size_name, size, scheme) in enumerate(LOOKS):
        await seen.page.set_viewport_size(size)  # type: ignore[arg-type] # width and height
        await seen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # light or dark
        rules = CHANGES_WITH_LOOKS if place else ()
        wrong += [f"{name}, {size_name}, {scheme}: {barrier}" for barrier in await seen.barriers(*rules)]
        if not await seen.fits():
            wrong.append(f"{name}, {size_name}: wider than the screen")
        if (size_name, scheme) in PICTURED:
            await seen.keep(f"{name}-{size_name}-{scheme}")
    return wrong


@pytest.mark.timeout(300)
async def test_every_page_in_every_look(browser: Browser, base: str, book: Casebook) -> None:
    pages = await told(book)
    seen = await window(browser, base)
    seen.page.set_default_timeout(10_000)
    wrong: list[str] = []
    for name, path in pages.items():
        await seen.open(path)
        wrong += await look_at(seen, name)
    assert not wrong, "\n".join(wrong)
    assert [line for line in seen.complaints if "404" not in line] == []


async def test_what_opens_is_usable_too(browser: Browser, base: str, book: Casebook) -> None:
    """Menus, the reason of a rejection, evidence under a sentence, the list of keys."""
    waiting = await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base)
    wrong: list[str] = []
    await seen.open(f"/incidents/{waiting}")
    await seen.page.keyboard.press("r")
    await seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wrong += await look_at(seen, "incident-all-open")
    await seen.open("/agents")
    await seen.page.evaluate("document.querySelectorAll('details.pop').forEach(d => { d.open = true; })")
    wrong += await look_at(seen, "agents-pausing")
    await seen.page.keyboard.press("Escape")
    await seen.open("/")
    await seen.page.keyboard.press("?")
    wrong += await look_at(seen, "keys")
    evidence = f"/incidents/{waiting}"
    await seen.open(evidence)
    await seen.open(await seen.page.locator("a.ev-title").first.get_attribute("href") or "")
    wrong += await look_at(seen, "evidence")
    assert not wrong, "\n".join(wrong)
    assert seen.complaints == []


async def test_the_door(browser: Browser, base: str) -> None:
    page: Page = await (await browser.new_context(viewport=WIDE)).new_page()  # type: ignore[arg-type] # width and height
    seen = Window(page, base)
    await seen.open("/sign-in")
    wrong = await look_at(seen, "sign-in")
    assert not wrong, "\n".join(wrong)
    assert seen.complaints == []


async def test_doctors_report(browser: Browser, context: WebContext) -> None:
    rows = [
        Finding(cluster="eu", what=f"System {one}", state=one, found="seen", means="what", do="this") for one in State
    ]
    answers = [Answer(cluster="eu", question=f"Can an agent {one}?", answer=one, evidence="seen") for one in Yes]
    app = create_app(context)
    app.state.checkup.report = Report(at=context.clock.now(), findings=tuple(rows), answers=tuple(answers))
    async with served(context, app=app) as base:
        seen = await window(browser, base)
        await seen.open("/settings/doctor")
        await expect(seen.page.get_by_text("Something that is configured does not work.")).to_be_visible()
        wrong = await look_at(seen, "doctor-report")
        assert not wrong, "\n".join(wrong)
    assert seen.complaints == []


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the focus is there: a few fields may lie between."""
    for _ in range(8):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("node => node === document.activeElement"):
            return
    await expect(wanted).to_be_focused()


async def test_an_incident_is_decided_by_keys_alone(browser: Browser, base: str, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base)
    page = seen.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.locator(".inc-link").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    await page.keyboard.press("a")
    await expect(page.get_by_role("button", name="Approve")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(seen.decision.get_by_text("Approved by On-call primary")).to_be_visible()
    assert seen.complaints == []


async def test_an_incident_is_rejected_and_an_investigation_stopped_by_keys(
    browser: Browser, base: str, book: Casebook
) -> None:
    waiting = await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base)
    page = seen.page
    await seen.open(f"/incidents/{waiting}")
    await page.keyboard.press("r")
    await expect(page.get_by_label("Why it is rejected")).to_be_focused()
    await page.keyboard.type("Not before 03:00, a payment run is on.")
    await tab_to(page, page.get_by_role("button", name="Reject", exact=True))
    await page.keyboard.press("Enter")
    await expect(seen.decision.get_by_text("Rejected by On-call primary")).to_be_visible()
    await book.reach(Phase.INVESTIGATING, group="search")
    await seen.open("/agents")
    await page.locator("details.pop summary", has_text="Stop").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("The database team is on it.")
    await tab_to(page, page.get_by_role("button", name="Stop this investigation"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No agent is at work.")).to_be_visible()
    assert seen.complaints == []


async def test_keys_lead_everywhere(browser: Browser, base: str, book: Casebook) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    await book.reach(Phase.OPEN, group="search")
    seen = await window(browser, base)
    page = seen.page
    await page.keyboard.press("/")
    await expect(page.get_by_label("Search incidents")).to_be_focused()
    await page.keyboard.type("search")
    await expect(page.locator(".inc-link")).to_have_count(1)
    await expect(page).to_have_url(f"{base}/?q=search")
    await page.get_by_label("Search incidents").fill("")
    await expect(page.locator(".inc-link")).to_have_count(2)
    await page.get_by_label("Service", exact=True).select_option("checkout")
    await expect(page.locator(".inc-link")).to_have_count(1)
    await expect(page).to_have_url(f"{base}/?service=checkout")
    await page.get_by_role("heading", name="Incidents", level=1).click()
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(page.locator(".inc-link").first).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    for key, heading in {
        "w": "Agents",
        "b": "Runbooks",
        "m": "Metrics",
        "e": "Evals",
        "l": "Audit",
        "s": "Settings",
    }.items():
        await page.keyboard.press("g")
        await page.keyboard.press(key)
        await expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    assert seen.complaints == []


async def test_what_waits_for_you_is_counted_on_every_page(browser: Browser, base: str, book: Casebook) -> None:
    seen = await window(browser, base)
    await seen.open("/policy")
    badge = seen.page.locator(".main-nav .badge")
    await expect(badge).to_have_count(0)
    await seen.hears()
    await book.reach(Phase.AWAITING_DECISION)
    await expect(badge).to_have_text("1 waiting for you")
    await book.approve()
    await expect(badge).to_have_count(0)
    assert seen.complaints == []


async def test_the_page_of_agents_follows(browser: Browser, base: str, book: Casebook) -> None:
    await book.reach(Phase.INVESTIGATING)
    seen = await window(browser, base)
    await seen.open("/agents")
    await expect(seen.page.get_by_text("1 agent at work")).to_be_visible()
    await seen.hears()
    await book.say(EventKind.AGENT, "cost", "looking into: what does checkout cost?", round=2, step="start")
    await expect(seen.page.get_by_text("2 agents at work")).to_be_visible()
    await expect(seen.page.get_by_text("what does checkout cost?")).to_be_visible()
    assert seen.complaints == []
