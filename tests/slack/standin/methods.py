"""The Web API methods that Midwatch uses, over a workspace: each takes its arguments and answers, or raises SlackError."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.slack.standin.limits import problems_of_message, problems_of_view
from tests.slack.standin.workspace import APP, BOT, BOT_USER, TEAM, Message, SlackError, Workspace

Args = dict[str, Any]
Method = Callable[[Workspace, Args], dict[str, Any]]
METHODS: dict[str, Method] = {}


def method(name: str) -> Callable[[Method], Method]:
    """Registers a method of the Web API."""

    def register(function: Method) -> Method:
        METHODS[name] = function
        return function

    return register


@method("auth.test")
def _auth_test(_: Workspace, __: Args) -> dict[str, Any]:
    return {
        "url": "https://midwatch-test.slack.example/",
        "team": "midwatch-test",
        "user": "midwatch",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


@method("chat.postMessage")
def _post(ws: Workspace, args: Args) -> dict[str, Any]:
    channel = ws.channel(args.get("channel", ""))
    if channel.archived:
        raise SlackError("is_archived")
    if not channel.id.startswith("D") and BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    ws.count_call("chat.postMessage", channel.id)
    message = _message(ws, args, channel.id)
    if message.thread_ts and not any(m.ts == message.thread_ts and m.channel == channel.id for m in ws.messages):
        raise SlackError("thread_not_found")
    ws.messages.append(message)
    ws.ring(message)
    return {"channel": channel.id, "ts": message.ts, "message": message.body}


@method("chat.postEphemeral")
def _post_ephemeral(ws: Workspace, args: Args) -> dict[str, Any]:
    channel = ws.channel(args.get("channel", ""))
    if args.get("user") not in ws.users:
        raise SlackError("user_not_in_channel")
    message = _message(ws, args, channel.id)
    message.visible_to = args["user"]
    ws.messages.append(message)
    return {"message_ts": message.ts}


@method("chat.update")
def _update(ws: Workspace, args: Args) -> dict[str, Any]:
    ws.count_call("chat.update", "")
    found = ws.message(args.get("channel", ""), args.get("ts", ""))
    if found.user != BOT_USER:
        raise SlackError("cant_update_message")
    if found.streaming:
        raise SlackError("streaming_state_conflict")
    changed = _message(ws, args, found.channel)
    found.text, found.blocks = changed.text, changed.blocks
    if changed.metadata is not None:
        found.metadata = changed.metadata
    found.edits += 1
    found.history.append(copy.deepcopy(changed.blocks))
    return {"channel": found.channel, "ts": found.ts, "text": found.text, "message": found.body}


@method("chat.startStream")
def _start_stream(ws: Workspace, args: Args) -> dict[str, Any]:
    ws.count_call("chat.startStream", "")
    channel = ws.channel(args.get("channel", ""))
    for needed in ("recipient_team_id", "recipient_user_id"):
        if not channel.id.startswith("D") and not args.get(needed):
            raise SlackError(f"missing_{needed}")
    if not any(m.ts == args.get("thread_ts") and m.channel == channel.id for m in ws.messages):
        raise SlackError("thread_not_found")
    message = Message(channel=channel.id, ts=ws.ts(), user=BOT_USER, text="", blocks=[], thread_ts=args["thread_ts"])
    message.streaming = True
    _chunks(message, args)
    ws.messages.append(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.appendStream")
def _append_stream(ws: Workspace, args: Args) -> dict[str, Any]:
    found = _streaming(ws, args)
    _chunks(found, args)
    return {"channel": found.channel, "ts": found.ts}


@method("chat.stopStream")
def _stop_stream(ws: Workspace, args: Args) -> dict[str, Any]:
    found = _streaming(ws, args)
    blocks = args.get("blocks") or []
    if problems := problems_of_message(blocks, ""):
        raise SlackError("invalid_blocks", *problems)
    _chunks(found, args)
    found.blocks, found.streaming, found.metadata = blocks, False, args.get("metadata") or found.metadata
    return {"channel": found.channel, "ts": found.ts, "message": found.body}


def _streaming(ws: Workspace, args: Args) -> Message:
    found = ws.message(args.get("channel", ""), args.get("ts", ""))
    if not found.streaming:
        raise SlackError("message_not_in_streaming_state")
    return found


def _chunks(message: Message, args: Args) -> None:
    """Task cards by their ids; what comes again with an id replaces it. Text is appended."""
    for chunk in args.get("chunks") or ():
        match chunk:
            case {
                "type": "task_update",
                "id": str(key),
                "title": str(),
                "status": "pending" | "in_progress" | "complete" | "error",
            }:
                message.tasks[key] = chunk
            case {"type": "markdown_text", "text": str(text)}:
                message.text += text
            case _:
                raise SlackError("invalid_chunks", str(chunk))
    message.text += args.get("markdown_text") or ""


@method("chat.delete")
def _delete(ws: Workspace, args: Args) -> dict[str, Any]:
    found = ws.message(args.get("channel", ""), args.get("ts", ""))
    found.deleted = True
    return {"channel": found.channel, "ts": found.ts}


@method("chat.getPermalink")
def _permalink(ws: Workspace, args: Args) -> dict[str, Any]:
    found = ws.message(args.get("channel", ""), args.get("message_ts", ""))
    link = f"https://midwatch-test.slack.example/archives/{found.channel}/p{found.ts.replace('.', '')}"
    return {"channel": found.channel, "permalink": link}


@method("conversations.list")
def _list(ws: Workspace, _: Args) -> dict[str, Any]:
    channels = [{"id": c.id, "name": c.name, "is_member": BOT_USER in c.members} for c in ws.channels.values()]
    return {"channels": channels, "response_metadata": {"next_cursor": ""}}


@method("conversations.info")
def _info(ws: Workspace, args: Args) -> dict[str, Any]:
    channel = ws.channel(args.get("channel", ""))
    return {
        "channel": {
            "id": channel.id,
            "name": channel.name,
            "is_member": BOT_USER in channel.members,
            "is_archived": channel.archived,
        }
    }


@method("conversations.open")
def _open(ws: Workspace, args: Args) -> dict[str, Any]:
    return {"channel": {"id": ws.channel(args.get("users", "")).id}}


@method("conversations.history")
def _history(ws: Workspace, args: Args) -> dict[str, Any]:
    ws.count_call("conversations.history", "")
    channel = ws.channel(args.get("channel", ""))
    found = [m for m in ws.messages if m.channel == channel.id and m.thread_ts in (None, m.ts)]
    return _page(found[::-1], args)


@method("conversations.replies")
def _replies(ws: Workspace, args: Args) -> dict[str, Any]:
    ws.count_call("conversations.replies", "")
    channel = ws.channel(args.get("channel", ""))
    root = args.get("ts")
    found = [m for m in ws.messages if m.channel == channel.id and root in (m.ts, m.thread_ts)]
    if not found:
        raise SlackError("thread_not_found")
    return _page(found, args)


def _page(found: list[Message], args: Args) -> dict[str, Any]:
    oldest = float(args.get("oldest") or 0)
    shown = [m for m in found if not m.deleted and not m.visible_to and float(m.ts) >= oldest]
    limit = int(args.get("limit") or 100)
    bodies = []
    for message in shown[:limit]:
        body = dict(message.body)
        if str(args.get("include_all_metadata")).lower() in ("true", "1") and message.metadata:
            body["metadata"] = message.metadata
        bodies.append(body)
    return {"messages": bodies, "has_more": len(shown) > limit, "response_metadata": {"next_cursor": ""}}


@method("users.info")
def _user(ws: Workspace, args: Args) -> dict[str, Any]:
    user = ws.users.get(args.get("user", ""))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.profile}


@method("users.lookupByEmail")
def _by_email(ws: Workspace, args: Args) -> dict[str, Any]:
    for user in ws.users.values():
        if user.email and user.email.casefold() == str(args.get("email", "")).casefold():
            return {"user": user.profile}
    raise SlackError("users_not_found")


@method("usergroups.list")
def _groups(ws: Workspace, _: Args) -> dict[str, Any]:
    return {"usergroups": [{"id": key, "handle": handle} for key, (handle, _) in ws.groups.items()]}


@method("usergroups.users.list")
def _group_users(ws: Workspace, args: Args) -> dict[str, Any]:
    if args.get("usergroup") not in ws.groups:
        raise SlackError("no_such_subteam")
    return {"users": ws.groups[args["usergroup"]][1]}


@method("views.open")
def _open_view(ws: Workspace, args: Args) -> dict[str, Any]:
    user = ws.take_trigger(args.get("trigger_id", ""))
    return {"view": _view(ws, args["view"], user=user)}


@method("views.push")
def _push_view(ws: Workspace, args: Args) -> dict[str, Any]:
    return _open_view(ws, args)


@method("views.update")
def _update_view(ws: Workspace, args: Args) -> dict[str, Any]:
    found = ws.views.get(args.get("view_id", ""))
    if found is None:
        raise SlackError("not_found")
    _checked_view(args["view"])
    found |= args["view"]
    return {"view": found}


@method("views.publish")
def _publish(ws: Workspace, args: Args) -> dict[str, Any]:
    ws.count_call("views.publish", "")
    if args.get("user_id") not in ws.users:
        raise SlackError("user_not_found")
    _checked_view(args["view"])
    ws.homes[args["user_id"]] = args["view"]
    return {"view": args["view"] | {"id": ws.fresh("V")}}


def _view(ws: Workspace, view: Args, *, user: str) -> dict[str, Any]:
    _checked_view(view)
    opened = view | {"id": ws.fresh("V"), "team_id": TEAM, "app_id": APP, "hash": "h", "_user": user}
    ws.views[opened["id"]] = opened
    return {key: value for key, value in opened.items() if key != "_user"}


def _checked_view(view: Args) -> None:
    if problems := problems_of_view(view):
        raise SlackError("invalid_arguments", *problems)


def _message(ws: Workspace, args: Args, channel: str) -> Message:
    text, blocks = args.get("text") or "", args.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    if problems := problems_of_message(blocks, text):
        raise SlackError("msg_too_long" if "msg_too_long" in problems else "invalid_blocks", *problems)
    if unknown := sorted(ws.lacks & {block["type"] for block in blocks}):
        raise SlackError("invalid_blocks", *(f"unsupported type: {name}" for name in unknown))
    metadata = args.get("metadata")
    if metadata is not None and not (metadata.get("event_type") and isinstance(metadata.get("event_payload"), dict)):
        raise SlackError("invalid_metadata_format")
    shown = [{"block_id": ws.fresh("b")} | block for block in blocks]
    return Message(
        channel=channel,
        ts=ws.ts(),
        user=BOT_USER,
        text=text,
        blocks=shown,
        thread_ts=args.get("thread_ts"),
        metadata=metadata,
        history=[copy.deepcopy(shown)],
    )
