"""The demo as a visitor sees it while Slack is down: the printed link in Chromium, the proposal, Approve, the verified end.

Slack comes back afterwards and is told of it, once.
"""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.e2e.demo import demo
from tests.e2e.slack_pictures import settings_of, workspace
from tests.slack.standin.rendering import text_of
from tests.suites import require

PICTURES = Path(os.environ.get("MIDWATCH_SCREENSHOTS", "build/screenshots"))
PICTURES.mkdir(parents=True, exist_ok=True)
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SOON, LATER = 150_000, 240_000
"""Milliseconds: until the proposal is there, and until it is verified, on a slow machine."""


@pytest.mark.browser
@pytest.mark.timeout(600)
async def test_a_visitor_decides_while_slack_is_down_and_sees_it_verified(tmp_path: Path) -> None:
    async with (
        workspace(down=True) as channel,
        demo(settings=settings_of(channel, tmp_path, approvals=1)) as link,
        async_playwright() as playwright,
    ):
        slack = channel.slack.workspace
        browser = await playwright.chromium.launch(executable_path=str(require("browser")), args=["--no-sandbox"])
        page = await browser.new_page(viewport=WIDE)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(link)
        await page.locator("a[href^='/incidents/inc-']").first.click(timeout=SOON)
        approve = page.get_by_role("button", name="Approve")
        await expect(approve).to_be_visible(timeout=SOON)
        await keep(page, "demo-proposal")
        await expect(page.locator("#decision")).to_contain_text("Roll checkout back")
        await approve.click()
        await expect(page.locator("#decision")).to_contain_text("Approved by", timeout=SOON)
        await expect(page.get_by_role("heading", name="Did it help")).to_be_visible(timeout=LATER)
        await expect(page.locator("header, main").get_by_text("verified").first).to_be_visible(timeout=LATER)
        await keep(page, "demo-verified")
        assert slack.messages == [], "nothing of this went through Slack"
        slack.down = False
        told = await channel.until(r"\*verified\*")
        assert "Approved" in text_of(told)
        assert "on-call (demo)" in text_of(told)
        assert len([message for message in slack.messages if not message.thread_ts]) == 1
        await browser.close()
    assert complaints == []


async def keep(page: Page, name: str) -> None:
    """One picture as on a desk, one as on a phone."""
    await page.screenshot(path=PICTURES / f"{name}.png")
    await page.set_viewport_size(PHONE)
    await page.screenshot(path=PICTURES / f"{name}-phone.png")
    await page.set_viewport_size(WIDE)
