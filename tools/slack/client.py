"""Slack's Web API as far as Midwatch needs it: posts, edits, whispers, modals, who somebody is. The SDK stops here."""

from collections.abc import Awaitable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from incidents.canonical import Json
from incidents.value import Value
from tools.errors import ForbiddenError, NotFoundError, PermanentError, ToolError, TransientError

Block = Mapping[str, Json]
View = Mapping[str, Json]

TIMEOUT_SECONDS = 10
LOOK_BACK = 200
"""Messages among which an uncertain post is looked for: a channel with more in the meantime is a storm in itself."""
EVENT = "midwatch_message"
"""Type of the metadata under which a message carries its key."""
SLACKS = (".slack.com", ".slack-gov.com")
"""Where answers of commands may be sent."""
NO_ACCESS = {
    *(
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "no_permission",
    ),
    *("not_allowed_token_type", "org_login_required", "ekm_access_denied", "access_denied", "restricted_action"),
}
NOT_THERE = {"channel_not_found", "message_not_found", "thread_not_found", "user_not_found", "users_not_found"}
COME_BACK = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}


class Posted(Value):
    """Where a message stands. `channel` is its id, also when it was posted to a name."""

    channel: str
    ts: str


class Task(Value):
    """A step that a workspace with task cards shows as one."""

    id: str
    title: str
    status: Literal["pending", "in_progress", "complete", "error"]


class Standing(Value):
    """The bot as the workspace knows it."""

    user: str
    team: str
    scopes: tuple[str, ...] = ()
    """Granted; empty when Slack did not say."""


class Profile(Value):
    """Somebody as the workspace knows them."""

    id: str
    name: str
    email: str = ""
    bot: bool = False
    outsider: bool = False
    """A guest, or a member of another workspace that shares a channel."""


class SlackClient:
    """One workspace, as the bot. Raises ToolErrors; never retries by itself, because a post is not idempotent."""

    def __init__(self, *, token: str, api_url: str) -> None:
        """`api_url` ends in `/api/`."""
        self.web = AsyncWebClient(token=token, base_url=api_url, timeout=TIMEOUT_SECONDS, retry_handlers=[])

    async def post(
        self, channel: str, *, key: str, text: str, blocks: Sequence[Block], thread: str | None = None
    ) -> Posted:
        """Post a message that carries its key. A TransientError leaves open whether it was posted."""
        answer = await _asked(
            self.web.chat_postMessage(
                channel=channel,
                text=text,
                blocks=[dict(block) for block in blocks],
                thread_ts=thread,
                metadata={"event_type": EVENT, "event_payload": {"key": key}},
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return Posted(channel=str(answer["channel"]), ts=str(answer["ts"]))

    async def update(self, posted: Posted, *, text: str, blocks: Sequence[Block]) -> None:
        """Replace what a message says."""
        await _asked(
            self.web.chat_update(
                channel=posted.channel, ts=posted.ts, text=text, blocks=[dict(block) for block in blocks]
            )
        )

    async def start_stream(self, channel: str, *, thread: str, user: str, team: str, task: Task) -> Posted:
        """Begin an answer to `user` in a thread, with a task under way. Raises PermanentError where there are none."""
        answer = await _asked(
            self.web.chat_startStream(
                channel=channel,
                thread_ts=thread,
                recipient_user_id=user,
                recipient_team_id=team,
                task_display_mode="timeline",
                chunks=[{"type": "task_update", **task.model_dump()}],
            )
        )
        return Posted(channel=str(answer["channel"]), ts=str(answer["ts"]))

    async def stop_stream(self, posted: Posted, *, key: str, task: Task, blocks: Sequence[Block]) -> None:
        """End it: the task as it ended, the answer below it, and from now on the message carries its key."""
        await _asked(
            self.web.chat_stopStream(
                channel=posted.channel,
                ts=posted.ts,
                chunks=[{"type": "task_update", **task.model_dump()}],
                blocks=[dict(block) for block in blocks],
                metadata={"event_type": EVENT, "event_payload": {"key": key}},
            )
        )

    async def respond(self, url: str, *, text: str, blocks: Sequence[Block]) -> None:
        """Answer a command, to the one who typed it alone. Raises PermanentError for an address that is not Slack's."""
        where, own = urlsplit(url), urlsplit(self.web.base_url)
        if where.netloc != own.netloc and not (where.scheme == "https" and f".{where.hostname}".endswith(SLACKS)):
            raise PermanentError(f"{where.netloc} is no address of Slack: nothing is sent there")
        hook = AsyncWebhookClient(url, timeout=TIMEOUT_SECONDS, retry_handlers=[])
        sending = hook.send(text=text, blocks=[dict(block) for block in blocks], response_type="ephemeral")
        answer = await _asked(sending)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(f"Slack said {answer.status_code} to an answer of a command")
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise PermanentError(f"Slack said {answer.status_code} {answer.body[:80]} to an answer of a command")

    async def find(self, channel: str, *, key: str, thread: str | None = None) -> Posted | None:
        """The message with this key among the latest of a channel (or of a thread), when it was posted."""
        if thread is None:
            call = self.web.conversations_history(channel=channel, limit=LOOK_BACK, include_all_metadata=True)
        else:
            call = self.web.conversations_replies(channel=channel, ts=thread, limit=1000, include_all_metadata=True)
        for message in (await _asked(call))["messages"]:
            told = message.get("metadata") or {}
            if told.get("event_type") == EVENT and told.get("event_payload", {}).get("key") == key:
                return Posted(channel=channel, ts=str(message["ts"]))
        return None

    async def channel_id(self, channel: str) -> str:
        """The id of a channel that the bot is in, by its name. Raises NotFoundError."""
        if not channel.startswith("#"):
            return channel
        cursor = ""
        while True:
            call = self.web.conversations_list(limit=1000, cursor=cursor, exclude_archived=True)
            answer = await _asked(call)
            for found in answer["channels"]:
                if found.get("name") == channel.removeprefix("#"):
                    return str(found["id"])
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                raise NotFoundError(f"Slack has no channel {channel} that the bot may see: invite it there")

    async def whisper(self, channel: str, *, user: str, text: str, thread: str | None = None) -> None:
        """Tell one person something in a channel that nobody else sees."""
        await _asked(self.web.chat_postEphemeral(channel=channel, user=user, text=text, thread_ts=thread))

    async def who(self, user: str) -> Profile:
        """Who a member is."""
        found = (await _asked(self.web.users_info(user=user)))["user"]
        profile = found.get("profile") or {}
        outside = ("is_restricted", "is_ultra_restricted", "is_stranger", "deleted")
        return Profile(
            id=str(found["id"]),
            name=str(profile.get("display_name") or found.get("real_name") or found.get("name") or user),
            email=str(profile.get("email") or ""),
            bot=bool(found.get("is_bot")) or user == "USLACKBOT",
            outsider=any(found.get(flag) for flag in outside),
        )

    async def open_modal(self, trigger: str, view: View) -> None:
        """Open a modal before the person who clicked within the last three seconds."""
        await _asked(self.web.views_open(trigger_id=trigger, view=dict(view)))

    async def publish_home(self, user: str, view: View) -> None:
        """Show a person their home tab."""
        await _asked(self.web.views_publish(user_id=user, view=dict(view)))

    async def upload(self, posted: Posted, *, name: str, title: str, alt: str, content: bytes) -> None:
        """Put a picture into the thread of a message."""
        call = self.web.files_upload_v2(
            channel=posted.channel, thread_ts=posted.ts, filename=name, title=title, alt_txt=alt, content=content
        )
        await _asked(call)

    async def has_file(self, posted: Posted, *, name: str) -> bool:
        """Whether a file of this name is in the thread already."""
        call = self.web.conversations_replies(channel=posted.channel, ts=posted.ts, limit=1000)
        messages = (await _asked(call))["messages"]
        return any(file.get("name") == name for message in messages for file in message.get("files") or ())

    async def standing(self) -> Standing:
        """Who the bot is, and what the workspace granted it."""
        answer = await _asked(self.web.auth_test())
        granted = answer.headers.get("x-oauth-scopes") or answer.headers.get("X-OAuth-Scopes") or ""
        scopes = tuple(scope.strip() for scope in granted.split(",") if scope.strip())
        return Standing(user=str(answer.get("user", "")), team=str(answer.get("team", "")), scopes=scopes)

    async def is_member(self, channel: str) -> bool:
        """Whether the bot is in a channel, by the channel's id."""
        return bool((await _asked(self.web.conversations_info(channel=channel)))["channel"].get("is_member"))

    async def opens_socket(self, app_token: str) -> None:
        """See that Socket Mode could be opened with this app-level token; nothing is opened."""
        await _asked(self.web.apps_connections_open(app_token=app_token))

    async def user_groups(self) -> frozenset[str]:
        """Ids of the workspace's user groups."""
        return frozenset(str(group["id"]) for group in (await _asked(self.web.usergroups_list()))["usergroups"])

    async def bot_user(self) -> str:
        """The bot's own user id."""
        return str((await _asked(self.web.auth_test()))["user_id"])


async def _asked(call: Awaitable[Any]) -> Any:
    """The answer of a call. Raises ToolErrors."""
    try:
        return await call
    except SlackApiError as error:
        raise _translated(error) from None
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise TransientError(f"Slack cannot be reached: {type(error).__name__} {error}".strip()) from None
    except SlackClientError as error:
        raise PermanentError(f"Slack was asked in a way that it does not take: {error}") from None


def _translated(error: SlackApiError) -> ToolError:
    answer: Any = error.response
    body = answer.data if isinstance(getattr(answer, "data", None), dict) else {}
    code, status = str(body.get("error", "")), int(getattr(answer, "status_code", 0) or 0)
    details = "; ".join((body.get("response_metadata") or {}).get("messages") or ())
    said = f"Slack said {code or status}" + (f" ({details})" if details else "")
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in COME_BACK or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        after = getattr(answer, "headers", {}).get("Retry-After")
        return TransientError(said, retry_after=float(after) if after else None)
    if code in NO_ACCESS:
        return ForbiddenError(f"{said}: check the app's token and scopes, and that it is installed")
    if code in NOT_THERE:
        return NotFoundError(said)
    if code == "not_in_channel":
        return PermanentError(f"{said}: invite the bot to the channel")
    return PermanentError(said)
