"""The workspace of the stand-in: people, channels, messages, views, files, and who was notified by what.

It also says what is out of order (down, token revoked, rate limits, lost answers), for tests that want Slack to misbehave.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TEAM, APP, BOT_USER, BOT = "T0MIDWATCH", "A0MIDWATCH", "U0MIDWATCH", "B0MIDWATCH"
TRIGGER_SECONDS = 3.0
MENTION = re.compile(r"<(@[UW][A-Z0-9]+|!channel|!here|!everyone|!subteam\^[A-Z0-9]+)(?:\|[^>]*)?>")


@dataclass(kw_only=True)
class User:
    """A member: `email` as the workspace's admin knows it; a guest of another workspace has another team."""

    id: str
    name: str
    email: str = ""
    bot: bool = False
    team: str = TEAM
    guest: bool = False

    @property
    def profile(self) -> dict[str, Any]:
        """As `users.info` answers."""
        names = {"real_name": self.name, "display_name": self.name}
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name.lower().replace(" ", "."),
            "real_name": self.name,
            "is_bot": self.bot,
            "is_restricted": self.guest,
            "is_ultra_restricted": False,
            "is_stranger": self.team != TEAM,
            "deleted": False,
            "tz": "Europe/Berlin",
            "profile": names | ({"email": self.email} if self.email else {}),
        }


@dataclass(kw_only=True)
class Message:
    """One message as it stands; `edits` counts chat.update."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    edits: int = 0
    deleted: bool = False
    visible_to: str | None = None
    """An ephemeral message is seen by this user only."""
    files: list[dict[str, str]] = field(default_factory=list)
    streaming: bool = False
    """It is still being written: only a stop ends that."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Task cards of a streamed message, by their ids."""
    history: list[list[dict[str, Any]]] = field(default_factory=list)
    """The blocks of every version, the present one last."""

    @property
    def body(self) -> dict[str, Any]:
        """As the Web API and payloads carry it."""
        found: dict[str, Any] = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "blocks": self.blocks,
            "team": TEAM,
        }
        if self.user == BOT_USER:
            found |= {"bot_id": BOT, "app_id": APP}
        if self.files:
            found["files"] = self.files
        if self.thread_ts:
            found["thread_ts"] = self.thread_ts
        return found


@dataclass(kw_only=True)
class Channel:
    """A channel with its members; the bot posts only where it was invited."""

    id: str
    name: str
    members: set[str] = field(default_factory=lambda: {BOT_USER})
    archived: bool = False


@dataclass(kw_only=True)
class Limit:
    """So many calls at once, and so many seconds until one more is allowed."""

    burst: int
    seconds: float


LIMITS = {
    "chat.postMessage": Limit(burst=6, seconds=1.0),
    "chat.update": Limit(burst=50, seconds=1.2),
    "conversations.replies": Limit(burst=50, seconds=1.2),
    "conversations.history": Limit(burst=50, seconds=1.2),
    "views.publish": Limit(burst=100, seconds=0.6),
}
"""About what Slack allows: one message a second in a channel with short bursts, tier 3 for the rest."""


SCOPES: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.appendStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "conversations.replies": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "conversations.list": ("channels:read", "groups:read"),
    "conversations.info": ("channels:read", "groups:read"),
    "users.info": ("users:read",),
    "usergroups.list": ("usergroups:read",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
}
"""Any one of them is enough, by Slack's reference of each method."""
_MANIFEST = Path(__file__).parents[3] / "deploy" / "slack-manifest.yaml"
GRANTED = frozenset(yaml.safe_load(_MANIFEST.read_text())["oauth_config"]["scopes"]["bot"])
"""An app that was installed from the manifest."""


class SlackError(Exception):
    """An answer with `ok: false`; the first argument is its error code."""

    def __init__(self, code: str, *messages: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code, self.messages, self.retry_after = code, messages, retry_after


@dataclass(kw_only=True)
class Workspace:
    """Everything that is in it."""

    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Open modals by id."""
    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """User group id -> handle and members."""
    files: dict[str, bytes] = field(default_factory=dict)
    file_names: dict[str, str] = field(default_factory=dict)
    triggers: dict[str, tuple[float, str]] = field(default_factory=dict)
    notified: list[tuple[str, str]] = field(default_factory=list)
    """(mention, ts) of every mention that Slack would ring a bell for."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    responses: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    """response_url id -> channel, user, message ts."""
    token: str = "xoxb-of-the-stand-in"
    app_token: str = "xapp-of-the-stand-in"
    signing_secret: str = "a-signing-secret-of-the-stand-in"
    down: bool = False
    revoked: bool = False
    lost_answers: dict[str, int] = field(default_factory=dict)
    """Method -> how many of its next calls are carried out without an answer."""
    limits: dict[str, Limit] = field(default_factory=lambda: dict(LIMITS))
    scopes: set[str] = field(default_factory=lambda: set(GRANTED))
    """What was granted when the app was installed."""
    lacks: set[str] = field(default_factory=set)
    """Methods (`chat.startStream`) and blocks (`plan`) that this workspace does not know."""
    refused: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """(method, error, details) of every call that was answered `ok: false`."""
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _recent: dict[tuple[str, str], deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def fresh(self, prefix: str) -> str:
        """A new id."""
        return f"{prefix}{next(self._ids):08d}"

    def ts(self) -> str:
        """A new message's timestamp: unique, and later than all before."""
        return f"{int(time.time())}.{next(self._ids):06d}"

    def add_user(self, name: str, **more: Any) -> User:
        """Somebody joins."""
        user = User(id=self.fresh("U"), name=name, **more)
        self.users[user.id] = user
        return user

    def add_channel(self, name: str, *, invited: bool = True) -> Channel:
        """A channel; Midwatch's bot is in it when invited."""
        channel = Channel(id=self.fresh("C"), name=name)
        if not invited:
            channel.members.clear()
        self.channels[channel.id] = channel
        return channel

    def channel(self, wanted: str) -> Channel:
        """By id or `#name`. Raises SlackError."""
        name = wanted.removeprefix("#")
        for channel in self.channels.values():
            if channel.id == wanted or channel.name == name:
                return channel
        if wanted in self.users:
            return self.direct(wanted)
        raise SlackError("channel_not_found")

    def direct(self, user: str) -> Channel:
        """The conversation of the bot with a person."""
        return self.channels.setdefault(f"D{user[1:]}", Channel(id=f"D{user[1:]}", name=f"direct-{user}"))

    def message(self, channel: str, ts: str) -> Message:
        """That message. Raises SlackError."""
        for message in self.messages:
            if message.channel == channel and message.ts == ts and not message.deleted and not message.visible_to:
                return message
        raise SlackError("message_not_found")

    def trigger(self, user: str) -> str:
        """A trigger id that is good for three seconds and one modal."""
        trigger = self.fresh("trigger.")
        self.triggers[trigger] = (time.monotonic() + TRIGGER_SECONDS, user)
        return trigger

    def take_trigger(self, trigger: str) -> str:
        """Whose it is; it is used up. Raises SlackError."""
        until, user = self.triggers.pop(trigger, (None, ""))
        if until is None:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() > until:
            raise SlackError("expired_trigger_id")
        return user

    def count_call(self, method: str, where: str) -> None:
        """Raise SlackError("ratelimited") when there were too many."""
        limit = self.limits.get(method)
        if limit is None:
            return
        recent, now = self._recent[method, where], time.monotonic()
        while recent and now - recent[0] > limit.burst * limit.seconds:
            recent.popleft()
        if len(recent) >= limit.burst:
            wait = limit.burst * limit.seconds - (now - recent[0])
            raise SlackError("ratelimited", retry_after=wait)
        recent.append(now)

    def ring(self, message: Message) -> None:
        """Note whom this message rings a bell for."""
        texts = [message.text] if not message.blocks else []
        texts += list(mrkdwn_texts(message.blocks))
        for text in texts:
            self.notified += [(mention, message.ts) for mention in MENTION.findall(text)]


def mrkdwn_texts(node: Any) -> list[str]:
    """All mrkdwn texts within blocks."""
    match node:
        case {"type": "mrkdwn", "text": str(text), "verbatim": True}:
            return [text]
        case {"type": "mrkdwn", "text": str(text)}:  # Slack finds mentions by itself
            return [re.sub(r"@(channel|here|everyone)\b", r"<!\1>", text)]
        case {"type": "markdown", "text": str(text)}:
            return [text]
        case dict():
            return [text for value in node.values() for text in mrkdwn_texts(value)]
        case list():
            return [text for value in node for text in mrkdwn_texts(value)]
        case _:
            return []
