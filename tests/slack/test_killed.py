"""Real processes that are killed while people decide in Slack: one card, one decision, one change, and it is told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kill.scene import WAIT_SECONDS, Scene, stage
from tests.slack.standin.person import Person, eventually
from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Slack
from tests.slack.standin.workspace import BOT_USER, Channel, Message

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]

Process = subprocess.Popen[bytes]


@contextmanager
def ending(started: list[Process]) -> Iterator[None]:
    """What was started is gone at the end, whatever happened."""
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait(timeout=60)


def connect(scene: Scene, slack: Slack) -> None:
    """Tell the settings file of this Slack, and who Dana is."""
    written = json.loads(scene.config.read_text())
    written["slack"] = {
        "bot_token": slack.workspace.token,
        "app_token": slack.workspace.app_token,
        "api_url": slack.base_url,
    }
    written["people"][0]["email"] = "dana@example.com"
    scene.config.write_text(json.dumps(written))


def the_card(slack: Slack, channel: Channel, words: str) -> Message | None:
    mine = [m for m in slack.workspace.messages if m.channel == channel.id and m.user == BOT_USER]
    found = [m for m in mine if not (m.thread_ts or m.visible_to or m.deleted)]
    assert len(found) <= 1, [text_of(m) for m in found]
    return found[0] if found and words in text_of(found[0]) else None


async def test_processes_die_around_a_click_and_everything_happens_once(
    slack: Slack, channel: Channel, dana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="mw") as folder:
        async with stage(Path(folder)) as scene:
            connect(scene, slack)
            # The one that dies listens beside the settings' port: Alertmanager has to reach the one that stays.
            monkeypatch.setenv("MIDWATCH_LISTEN__PORT", "0")
            started = [scene.start("web", "worker", "executor", name="first")]
            monkeypatch.delenv("MIDWATCH_LISTEN__PORT")
            with ending(started):
                started.append(scene.start("web", "worker", "executor", name="second"))
                try:
                    await slack.connected(seconds=WAIT_SECONDS)
                    await play(scene, slack, channel, dana, started)
                except BaseException:
                    print(scene.logs(), *(text_of(m) for m in slack.workspace.messages), sep="\n")
                    raise


async def play(scene: Scene, slack: Slack, channel: Channel, dana: Person, started: list[Process]) -> None:
    message = await eventually(lambda: the_card(slack, channel, "Roll checkout back"), seconds=WAIT_SECONDS)
    before = scene.deployment("checkout")["metadata"]["generation"]
    await slack.connected(2, seconds=WAIT_SECONDS)
    acks = await asyncio.gather(*(dana.click(message, "Approve") for _ in range(3)))
    assert any(ack.acked for ack in acks)
    started[0].kill()
    await eventually(lambda: the_card(slack, channel, "*Verified* at"), seconds=WAIT_SECONDS)
    assert scene.deployment("checkout")["metadata"]["generation"] == before + 1
    mine = [m for m in slack.workspace.messages if m.thread_ts and m.user == BOT_USER and not m.visible_to]
    told = [(m.text, *(file["name"] for file in m.files)) for m in mine]
    assert len(told) == len(set(told)), told
    assert await asyncio.to_thread(started[1].poll) is None
