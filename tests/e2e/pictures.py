"""`make screenshots`: the pictures that README and docs show, from a demo that really runs. Into docs/images, each by name.

A picture is taken where the product stands at that moment: the same story as `make demo`, with a Slack beside the console
and a policy that wants two people, one of whom clicks here and one there.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.e2e.demo import ROOT, demo
from tests.e2e.slack_pictures import Camera, Channel, decided, settings_of, storm, story_clock, undecided, workspace
from tests.orchestrator.servers import embedded_server, migrated
from tests.suites import require

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SOON, LATER = 240_000, 400_000
"""Milliseconds: until the proposal is there, and until it is verified, on a slow machine."""
AFTERWARDS = {"metrics": "/figures?days=7", "policy": "/policy"}


async def take(folder: Path, *, server: str) -> list[str]:
    """Take them all; their names. The folder is there; `server` is the database server of what is no demo."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(require("browser")), args=["--no-sandbox"])
        with tempfile.TemporaryDirectory(prefix="mw-pictures-") as beside:
            async with workspace() as channel, demo(settings=settings_of(channel, Path(beside), approvals=2)) as link:
                taken = await _demo(browser, folder, link, channel)
        taken += await storm(browser, folder, server=server)
        await browser.close()
    return taken


async def _demo(browser: Browser, folder: Path, link: str, channel: Channel) -> list[str]:
    """The reference incident, decided by two people: one in Slack, one in the console."""
    page = await _signed_in(browser, link)
    await page.goto(_address(link, "/agents"))
    body = page.locator("body")
    told, rate = await body.get_attribute("data-now") or "", await body.get_attribute("data-rate") or ""
    channel.clock = story_clock(told, rate=float(rate))
    await expect(page.get_by_text("at work").first).to_be_visible(timeout=SOON)
    taken = [await _keep(page, folder, "agents")]
    await page.goto(_address(link, "/"))
    await page.locator("a[href^='/incidents/inc-']").first.click(timeout=SOON)
    approve = page.get_by_role("button", name="Approve")
    await expect(approve).to_be_visible(timeout=SOON)
    taken += [await _keep(page, folder, "incident"), await _keep(page, folder, "incident-phone", size=PHONE)]
    taken.append(await _keep(page, folder, "incident-dark", scheme="dark"))
    camera = Camera(browser=browser, folder=folder, looks=channel.looks)
    taken += await undecided(camera, channel)
    await expect(page.get_by_text("1/2 approved")).to_be_visible(timeout=SOON)
    await approve.click()
    await expect(page.get_by_text("Post-mortem, draft")).to_be_visible(timeout=LATER)
    taken += [await _keep(page, folder, "verified"), *await decided(camera, channel)]
    incident = page.url.partition("#")[0]
    await page.goto(f"{incident}/postmortem")
    taken.append(await _keep(page, folder, "postmortem"))
    for name, path in AFTERWARDS.items():
        await page.goto(_address(link, path))
        taken.append(await _keep(page, folder, name))
    return taken


async def _signed_in(browser: Browser, link: str) -> Page:
    page = await browser.new_page(viewport=WIDE)  # type: ignore[arg-type] # width and height
    await page.goto(link)
    return page


def _address(link: str, path: str) -> str:
    return link.partition("/sign-in")[0] + path


async def _keep(
    page: Page, folder: Path, name: str, *, size: dict[str, int] | None = None, scheme: str = "light"
) -> str:
    """One picture of what is on the screen."""
    await page.set_viewport_size(size or WIDE)  # type: ignore[arg-type] # width and height
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # light or dark
    await page.wait_for_timeout(200)
    await page.screenshot(path=folder / f"{name}.png")
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type] # width and height
    await page.emulate_media(color_scheme="light")
    return name


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    where.mkdir(parents=True, exist_ok=True)
    with migrated(embedded_server()) as migrated_server:
        made = asyncio.run(take(where, server=migrated_server))
    sys.stdout.write("".join(f"{where / name}.png\n" for name in made))
