"""One browser window, signed in: what it shows, what it complained about, what an accessibility checker says of it."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from tests.service.web.serving import TOKENS

PICTURES = Path(os.environ.get("MIDWATCH_SCREENSHOTS", "build/screenshots"))
PICTURES.mkdir(parents=True, exist_ok=True)
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
expect.set_options(timeout=30_000)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """async (rules) => {
  const only = rules.length ? {type: 'rule', values: rules} : {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']};
  const found = await axe.run(document, {runOnly: only, resultTypes: ['violations']});
  return found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v =>
    v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' (' + n.failureSummary.split('\\n').slice(1, 2).join('').trim() + ')').join(', '));
}"""


HEARS = "document.body['htmx-internal-data']?.sseEventSource?.readyState === EventSource.OPEN"
CUT_STREAM = "[object Event]"
"""What htmx says of an event stream that ended because its page was left."""


class Window:
    """One page of a browser."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.complaints: list[str] = []
        page.on("console", lambda line: self._hear(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._hear(str(error)))

    def _hear(self, text: str) -> None:
        if text != CUT_STREAM:
            self.complaints.append(text)

    @property
    def decision(self) -> Locator:
        """The panel on the right of an incident."""
        return self.page.locator("#decision")

    async def sign_in(self, who: str) -> None:
        """As one of the people of the settings, by the form."""
        await self.page.goto(f"{self.base}/sign-in")
        await self.page.get_by_label("Token").fill(TOKENS[who])
        await self.page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(self.page.get_by_role("heading", name="Incidents", level=1)).to_be_visible()

    async def open(self, path: str) -> None:
        """Go there."""
        await self.page.goto(self.base + path)

    async def hears(self) -> None:
        """Wait until its stream of events is open."""
        await self.page.wait_for_function(HEARS)

    async def keep(self, name: str, *, whole: bool = True) -> None:
        """Keep a picture."""
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)

    async def fits(self) -> bool:
        """Whether nothing is wider than the screen."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    async def barriers(self, *rules: str) -> list[str]:
        """What axe calls serious or critical on the page as it is; only these rules when some are given."""
        if not await self.page.evaluate("typeof window.axe === 'object'"):
            await self.page.evaluate(AXE)
        found: list[str] = await self.page.evaluate(RUN, list(rules))
        return found


async def window(
    browser: Browser, base: str, who: str = "dana", *, size: dict[str, int] | None = None, **more: Any
) -> Window:
    """A new one, signed in."""
    opened = await browser.new_context(viewport=size or WIDE, **more)  # type: ignore[arg-type] # width and height
    made = Window(await opened.new_page(), base)
    await made.sign_in(who)
    return made
