"""What a person does in Slack: looks at messages, clicks, fills in modals, types commands and replies in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.slack.standin.rendering import text_of
from tests.slack.standin.server import Ack, Slack
from tests.slack.standin.workspace import APP, BOT_USER, TEAM, Channel, Message, User

FoundT = TypeVar("FoundT")
PATIENCE = 30.0
"""Seconds; a machine with much to do takes ten for what takes one."""


class NoSuchButtonError(AssertionError):
    """The message has no such button; the text says which it has."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """One member at the keyboard."""

    slack: Slack
    user: User

    def messages(self, channel: Channel, *, thread: str | None = None) -> list[Message]:
        """What stands in the channel, or in the thread of a message, for this person; oldest first."""
        return [
            message
            for message in self.slack.workspace.messages
            if message.channel == channel.id
            and not message.deleted
            and message.visible_to in (None, self.user.id)
            and (message.thread_ts == thread if thread else message.thread_ts in (None, message.ts))
        ]

    def whispers(self) -> list[str]:
        """What only this person sees."""
        return [text_of(m) for m in self.slack.workspace.messages if m.visible_to == self.user.id]

    async def click(self, message: Message, label: str, *, late: float = 0.0) -> Ack:
        """Click the button with this label."""
        block, element = button(message.blocks, label)
        return await self._act(block, element, message=message, late=late)

    async def choose(self, message: Message, option: str) -> Ack:
        """Choose an entry of a menu in the message."""
        for block, element in elements(message.blocks):
            for entry in element.get("options", ()):
                if entry["text"]["text"] == option:
                    chosen = element | {"selected_option": entry}
                    return await self._act(block, chosen, message=message)
        raise NoSuchButtonError(f"no menu of this message has {option!r}")

    async def click_home(self, label: str) -> Ack:
        """Click a button of Midwatch's home tab."""
        view = self.slack.workspace.homes[self.user.id]
        block, element = button(view["blocks"], label)
        return await self._act(block, element, view=view | {"id": "V0HOME", "hash": "h"})

    async def _act(
        self,
        block: str,
        element: dict[str, Any],
        *,
        message: Message | None = None,
        view: dict[str, Any] | None = None,
        late: float = 0.0,
    ) -> Ack:
        workspace = self.slack.workspace
        action = {
            "action_id": element["action_id"],
            "block_id": block,
            "type": element["type"],
            "action_ts": str(time.time()),
        }
        action |= {key: element[key] for key in ("value", "text", "style", "selected_option") if key in element}
        payload = self._envelope("block_actions") | {
            "trigger_id": workspace.trigger(self.user.id),
            "actions": [action],
            "state": {"values": {}},
        }
        if message is not None:
            payload |= self._place(message.channel, message.ts) | {
                "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
                "message": message.body,
            }
        if view is not None:
            payload |= {"container": {"type": "view", "view_id": view["id"]}, "view": view}
        await asyncio.sleep(late)
        return await self.slack.deliver("interactive", payload)

    def modal(self) -> dict[str, Any]:
        """The modal that is open before this person."""
        found = [view for view in self.slack.workspace.views.values() if view["_user"] == self.user.id]
        assert found, f"no modal is open before {self.user.name}"
        return found[-1]

    async def submit(self, **values: str) -> Ack:
        """Fill in the open modal, by the ids of its inputs, and submit it. It closes unless the app says otherwise."""
        view = self.modal()
        state: dict[str, Any] = {}
        for block in view["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                state[block["block_id"]] = {element["action_id"]: _filled(element, values.get(element["action_id"]))}
        shown = {key: value for key, value in view.items() if key != "_user"}
        payload = self._envelope("view_submission") | {
            "trigger_id": self.slack.workspace.trigger(self.user.id),
            "view": shown | {"state": {"values": state}},
            "response_urls": [],
        }
        ack = await self.slack.deliver("interactive", payload)
        if ack.acked and (ack.payload or {}).get("response_action") not in ("errors", "update", "push"):
            del self.slack.workspace.views[view["id"]]
        return ack

    async def command(self, channel: Channel, text: str, *, name: str = "/midwatch") -> Ack:
        """Type a slash command. What the acknowledgement carries is shown to this person alone."""
        payload = {
            "token": "t",
            "team_id": TEAM,
            "team_domain": "midwatch-test",
            "api_app_id": APP,
            "command": name,
            "text": text,
            "user_id": self.user.id,
            "user_name": self.user.name,
            "trigger_id": self.slack.workspace.trigger(self.user.id),
            "is_enterprise_install": "false",
            "channel_id": channel.id,
            "channel_name": channel.name,
            "response_url": self._place(channel.id, None)["response_url"],
        }
        return await self.slack.deliver("slash_commands", payload)

    async def reply(self, message: Message, text: str) -> Ack:
        """Write into the thread of a message."""
        workspace = self.slack.workspace
        said = Message(
            channel=message.channel,
            ts=workspace.ts(),
            user=self.user.id,
            text=text,
            blocks=[],
            thread_ts=message.thread_ts or message.ts,
        )
        workspace.messages.append(said)
        kind = "app_mention" if f"<@{BOT_USER}>" in text else "message"
        event = said.body | {"type": kind, "channel": said.channel, "channel_type": "channel", "event_ts": said.ts}
        return await self._event(event)

    async def say(self, channel: Channel, text: str) -> Ack:
        """Write into a channel; a mention of the bot comes as two events, as Slack sends them."""
        said = self._said(channel.id, text)
        ack = await self._event(said.body | self._event_of(said, "message", "channel"))
        if f"<@{BOT_USER}>" in text:
            ack = await self._event(said.body | self._event_of(said, "app_mention", "channel"))
        return ack

    async def write(self, text: str) -> Channel:
        """Write to the bot alone; the conversation with it."""
        direct = self.slack.workspace.direct(self.user.id)
        said = self._said(direct.id, text)
        await self._event(said.body | self._event_of(said, "message", "im"))
        return direct

    def _said(self, channel: str, text: str) -> Message:
        said = Message(channel=channel, ts=self.slack.workspace.ts(), user=self.user.id, text=text, blocks=[])
        self.slack.workspace.messages.append(said)
        return said

    def _event_of(self, said: Message, kind: str, where: str) -> dict[str, Any]:
        event = {"type": kind, "channel": said.channel, "event_ts": said.ts, "team": self.user.team}
        return event | ({"channel_type": where} if kind == "message" else {})

    async def open_home(self) -> Ack:
        """Open Midwatch's home tab."""
        event = {"type": "app_home_opened", "user": self.user.id, "channel": f"D{self.user.id[1:]}", "tab": "home"}
        return await self._event(event | {"event_ts": str(time.time())})

    async def _event(self, event: dict[str, Any]) -> Ack:
        """An event is sent again when it is not acknowledged, as Slack does."""
        payload = {
            "token": "t",
            "team_id": TEAM,
            "api_app_id": APP,
            "type": "event_callback",
            "event_id": self.slack.workspace.fresh("Ev"),
            "event_time": int(time.time()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True, "is_enterprise_install": False}],
            "event": event,
        }
        ack = await self.slack.deliver("events_api", payload)
        return ack if ack.acked else await self.slack.deliver("events_api", payload, retry=1)

    def _envelope(self, kind: str) -> dict[str, Any]:
        user = {"id": self.user.id, "name": self.user.name, "username": self.user.name, "team_id": self.user.team}
        return {
            "type": kind,
            "user": user,
            "api_app_id": APP,
            "token": "t",
            "team": {"id": TEAM, "domain": "midwatch-test"},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _place(self, channel: str, ts: str | None) -> dict[str, Any]:
        workspace = self.slack.workspace
        key = workspace.fresh("response-")
        workspace.responses[key] = (channel, self.user.id, ts)
        return {
            "channel": {"id": channel, "name": "channel"},
            "response_url": f"{self.slack.url}/response/{key}",
        }


def _filled(element: dict[str, Any], value: str | None) -> dict[str, Any]:
    if element["type"] == "static_select":
        found = (o for o in element["options"] if value in (o["value"], o["text"]["text"]))
        chosen = next(found, element.get("initial_option"))
        return {"type": "static_select", "selected_option": chosen}
    if element["type"] == "checkboxes":
        wanted = None if value is None else value.split(",")
        first = element.get("initial_options", [])
        ticked = [o for o in element["options"] if o["value"] in wanted] if wanted is not None else first
        return {"type": "checkboxes", "selected_options": ticked}
    return {"type": element["type"], "value": element.get("initial_value") if value is None else value}


def elements(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(block id, element) of everything that can be clicked."""
    for block in blocks:
        if block["type"] == "actions":
            yield from ((block.get("block_id", ""), element) for element in block["elements"])
        if "accessory" in block:
            yield block.get("block_id", ""), block["accessory"]


def button(blocks: list[dict[str, Any]], label: str) -> tuple[str, dict[str, Any]]:
    """The button with this label. Raises NoSuchButtonError."""
    for block, element in elements(blocks):
        if element["type"] == "button" and element["text"]["text"] == label:
            return block, element
    raise NoSuchButtonError(f"no button {label!r} among {labels(blocks)}")


def labels(blocks: list[dict[str, Any]]) -> list[str]:
    """The labels of all buttons."""
    return [element["text"]["text"] for _, element in elements(blocks) if element["type"] == "button"]


async def eventually(look: Callable[[], FoundT], *, seconds: float = PATIENCE) -> FoundT:
    """What `look` finds as soon as it finds something; its own words (or None) are the failure after so long."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = look()
        except (AssertionError, LookupError):
            if time.monotonic() > end:
                raise
        else:
            if found or time.monotonic() > end:
                assert found, "nothing came of it in time"
                return found
        await asyncio.sleep(0.02)
