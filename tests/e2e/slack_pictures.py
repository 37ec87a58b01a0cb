"""What a person sees in Slack while the demo runs, and in a storm: drawn by the stand-in from what the product sent it.

The stand-in is a workspace on loopback; Midwatch reaches it with its own Slack client as it would reach Slack. Nothing
here makes a message: when the product posts no such state, there is no picture, and that is a failure.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser

from incidents.alert import Severity
from orchestrator.store.database import Store
from tests.orchestrator.servers import a_copy
from tests.service.web.serving import WEBHOOK, served, web_context
from tests.slack.midwatch import midwatch, slack_settings
from tests.slack.standin.looks import Looks
from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import blocks_text, text_of
from tests.slack.standin.server import Slack, standin
from tests.slack.standin.workspace import BOT_USER, Message
from tools.clock import ManualClock

CHANNEL = "incidents"
WIDE, PHONE = 720, (390, 900)
THREAD = 1400
"""Pixels of a thread that a picture shows."""
PATIENCE = 240.0
"""Seconds until something stands in Slack, on a slow machine."""
TRIES = 8
SHIPPED_POLICY = Path(__file__).parents[2] / "policy" / "policy.yaml"
PEOPLE = ("Dana Weber", "Sam Okafor")
NIGHT = datetime(2026, 11, 17, 2, 47, 30, tzinfo=UTC)
STORM: tuple[tuple[str, str, Severity, str], ...] = (
    ("network", "Node", Severity.SEV1, "17 nodes of zone eu-1c are not ready"),
    ("shop", "checkout", Severity.SEV1, "checkout returns 5xx"),
    ("shop", "search", Severity.SEV2, "p99 of search is above 4 s"),
    ("pay", "payments", Severity.SEV1, "payments refuses connections"),
    ("pay", "ledger-writer", Severity.SEV2, "ledger-writer has no available pods"),
    ("media", "thumbnails", Severity.SEV3, "the queue of thumbnails grows"),
    ("data", "events-sink", Severity.SEV2, "events-sink lags 12 min behind"),
    ("identity", "sessions", Severity.SEV1, "sign-in fails for 38 % of users"),
)
"""Namespace, workload, severity and summary of alerts that begin at once."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Takes pictures of a workspace."""

    browser: Browser
    folder: Path
    looks: Looks

    async def take(self, name: str, html: str, *, width: int = WIDE, height: int = 200, whole: bool = True) -> str:
        """One picture, as tall as what it shows; of the first screen when it shall not be the whole."""
        page = await self.browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=2)
        await page.set_content(html)
        await page.evaluate("document.fonts.ready")
        await page.screenshot(path=self.folder / f"{name}.png", full_page=whole)
        await page.close()
        return name

    async def card(self, name: str, message: Message, *, dark: bool = False, phone: bool = False) -> str:
        """A message in its channel; on a phone what its screen shows without scrolling."""
        html = self.looks.thread([message], title=f"# {CHANNEL}", dark=dark)
        width, height = PHONE if phone else (WIDE, 200)
        return await self.take(name, html, width=width, height=height, whole=not phone)


@dataclass(kw_only=True)
class Channel:
    """The workspace that the demo is connected to, with the two people who decide."""

    slack: Slack
    people: tuple[Person, ...]
    clock: Callable[[float], datetime] = lambda at: datetime.fromtimestamp(at, UTC)
    """Seconds of this machine -> the story's time."""

    @property
    def looks(self) -> Looks:
        """How it is shown: times beside names are the story's."""
        return Looks(workspace=self.slack.workspace, time_of=lambda m: f"{self.clock(float(m.ts)):%H:%M}")

    def card(self) -> Message:
        """The one card."""
        ids = {channel.id for channel in self.slack.workspace.channels.values()}
        found = [m for m in self.slack.workspace.messages if m.channel in ids and m.user == BOT_USER]
        heads = [message for message in found if not message.thread_ts]
        assert len(heads) == 1, f"{len(heads)} cards"
        return heads[0]

    async def until(self, words: str, *, best: str = "") -> Message:
        """The card as soon as it said so, as it stood then; when it also said what is best, as it stood at that."""

        def look() -> Message:
            card = self.card()
            said = [blocks for blocks in [*card.history, card.blocks] if re.search(words, blocks_text(blocks))]
            assert said, text_of(card)
            better = [blocks for blocks in said if re.search(best, blocks_text(blocks))]
            return replace(card, blocks=(better or said)[-1])

        return await eventually(look, seconds=PATIENCE)

    def thread(self) -> list[Message]:
        """What stands under the card."""
        card = self.card()
        return [m for m in self.slack.workspace.messages if m.thread_ts == card.ts and not m.visible_to]

    async def home(self, person: Person) -> Mapping[str, Any]:
        """The home tab, as this person finds it."""
        await person.open_home()
        homes = self.slack.workspace.homes
        return await eventually(lambda: homes.get(person.user.id) or {}, seconds=PATIENCE)


@asynccontextmanager
async def workspace(*, down: bool = False) -> AsyncIterator[Channel]:
    """A stand-in with a channel and two people; one that answers nothing when it is down."""
    async with standin() as slack:
        slack.workspace.down = down
        slack.workspace.add_channel(CHANNEL)
        people = [Person(slack=slack, user=slack.workspace.add_user(name)) for name in PEOPLE]
        yield Channel(slack=slack, people=tuple(people))


def settings_of(channel: Channel, folder: Path, *, approvals: int) -> dict[str, str]:
    """What connects a process to it: the addresses, who is who, and a policy that wants so many people."""
    people = [
        {
            "name": one.user.name,
            "id": one.user.name.split()[0].lower(),
            "slack": one.user.id,
            "roles": ["viewer", "oncall"],
        }
        for one in channel.people
    ]
    directory, policy = folder / "people.yaml", folder / "policy.yaml"
    directory.write_text(json.dumps({"people": people}))
    head, row, rest = SHIPPED_POLICY.read_text().partition("  - name: workload changes\n")
    policy.write_text(head + row + rest.replace("approvals: 1", f"approvals: {approvals}", 1))
    slack = channel.slack.workspace
    return {
        "MIDWATCH_DIRECTORY": str(directory),
        "MIDWATCH_POLICY": str(policy),
        "MIDWATCH_SLACK__BOT_TOKEN": slack.token,
        "MIDWATCH_SLACK__APP_TOKEN": slack.app_token,
        "MIDWATCH_SLACK__CHANNEL": f"#{CHANNEL}",
        "MIDWATCH_SLACK__API_URL": channel.slack.base_url,
    }


async def undecided(camera: Camera, channel: Channel) -> list[str]:
    """While it waits for two people: the card in all looks, the modal of a rejection, the home tab; then one approves."""
    dana = channel.people[0]
    checking = await channel.until(r"Looking:", best=r"in progress")
    card = await channel.until(r"Proposed")
    taken = [
        await camera.card("slack-checking", checking),
        await camera.card("slack-proposal", card),
        await camera.card("slack-proposal-dark", card, dark=True),
        await camera.card("slack-proposal-phone", card, phone=True),
    ]
    await _click(dana, channel, "Reject\u2026")
    modal = await eventually(dana.modal, seconds=PATIENCE)
    taken.append(await camera.take("slack-reject", camera.looks.modal(modal), height=620))
    taken.append(await camera.take("slack-home", camera.looks.home(await channel.home(dana))))
    await _click(dana, channel, "Approve")
    half = await channel.until(r"1/2")
    return [*taken, await camera.card("slack-one-of-two", half)]


async def _click(person: Person, channel: Channel, label: str) -> None:
    """Click until it is acknowledged, as a person does when Slack shows its warning: a busy machine misses 3 seconds."""
    for _ in range(TRIES):
        if (await person.click(channel.card(), label)).acked:
            return
    raise AssertionError(f"nobody acknowledged {label!r} in {TRIES} clicks")


async def decided(camera: Camera, channel: Channel) -> list[str]:
    """After the second approval: the change being made, the verdict, and the thread that tells it all."""
    verified = await channel.until(r"\*verified\*")
    executing = await channel.until(r"executing \d/\d")
    thread = camera.looks.thread(channel.thread(), title="Thread", note=f"# {CHANNEL}")
    return [
        await camera.card("slack-executing", executing),
        await camera.card("slack-verified", verified),
        await camera.take("slack-thread", thread, height=THREAD, whole=False),
    ]


async def storm(browser: Browser, folder: Path, *, server: str) -> list[str]:
    """Eight incidents at once, as Alertmanager tells them, and the one message that they share."""
    clock = ManualClock(NIGHT)
    async with workspace() as channel:
        channel.clock = lambda _: NIGHT + timedelta(seconds=20)
        settings = slack_settings(channel.slack, storm=3)
        with a_copy(server) as url:
            async with (
                Store(url, clock=clock) as store,
                served(web_context(store, settings, clock)) as base,
                midwatch(channel.slack, store, clock, settings),
            ):
                await _deliver(f"{base}/api/v1/alerts/alertmanager", clock, channel.slack)
                message = await eventually(lambda: _storms(channel.slack)[0], seconds=PATIENCE)
        camera = Camera(browser=browser, folder=folder, looks=channel.looks)
        return [await camera.card("slack-storm", message)]


def _storms(slack: Slack) -> list[Message]:
    last = f"Storm: {len(STORM) - 3} "
    return [m for m in slack.workspace.messages if m.user == BOT_USER and last in text_of(m)]


async def _deliver(url: str, clock: ManualClock, slack: Slack) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {WEBHOOK}"}, timeout=30) as client:
        for number, (namespace, workload, severity, summary) in enumerate(STORM, 1):
            body = _firing(namespace, workload, severity, summary, at=clock.now())
            (await client.post(url, json=body)).raise_for_status()
            await eventually(lambda n=number: _told(slack) >= n, seconds=PATIENCE)  # type: ignore[misc] # its default is typed
            await clock.advance(2)


def _told(slack: Slack) -> int:
    return sum(m.user == BOT_USER and "Storm:" not in text_of(m) for m in slack.workspace.messages)


def _firing(namespace: str, workload: str, severity: Severity, summary: str, *, at: datetime) -> dict[str, object]:
    label = {Severity.SEV1: "critical", Severity.SEV2: "error", Severity.SEV3: "warning"}[severity]
    alert = {
        "status": "firing",
        "labels": {
            "alertname": "SymptomOfUsers",
            "cluster": "prod-eu",
            "namespace": namespace,
            "deployment": workload,
            "severity": label,
        },
        "annotations": {"summary": summary},
        "startsAt": at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
    }
    return {
        "version": "4",
        "groupKey": f"{namespace}/{workload}",
        "receiver": "midwatch",
        "status": "firing",
        "groupLabels": {"deployment": workload},
        "externalURL": "http://alertmanager:9093",
        "alerts": [alert],
    }


def story_clock(told: str, *, rate: float) -> Callable[[float], datetime]:
    """Seconds of this machine -> the story's time, which is `told` now and runs at this rate."""
    then, read_at = datetime.fromisoformat(told), time.time()
    return lambda at: then + timedelta(seconds=(at - read_at) * rate)
