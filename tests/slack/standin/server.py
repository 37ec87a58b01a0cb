"""Serves the stand-in: the Web API, Socket Mode over a real websocket, response URLs and file uploads, on loopback.

Deliveries go out as Slack sends them: to one random open socket, or as a signed request to the app's URL; whoever is
not acknowledged within three seconds is told so.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.slack.standin.methods import METHODS, Method, _message, _update
from tests.slack.standin.workspace import APP, BOT_USER, SCOPES, Message, SlackError, Workspace

ACK_SECONDS = 3.0
COMPLEX = ("blocks", "view", "metadata", "files", "attachments", "chunks")


@dataclass(frozen=True, kw_only=True)
class Ack:
    """What the app answered to a delivery."""

    acked: bool
    seconds: float
    payload: dict[str, Any] | None = None
    """What came with the acknowledgement: `response_action` of a modal, text of a command."""


@dataclass(kw_only=True)
class Slack:
    """A running stand-in. `request_url` is where an app in HTTP mode listens; empty: Socket Mode."""

    workspace: Workspace
    url: str = ""
    request_url: str = ""
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    acks: list[tuple[str, Ack]] = field(default_factory=list)
    """(kind of delivery, answer) of everything that was sent to the app."""
    skew: float = 0.0
    """Seconds by which the timestamps of signed requests are wrong."""
    _waiting: dict[str, asyncio.Future[dict[str, Any] | None]] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """What an SDK client is given as `base_url`."""
        return f"{self.url}/api/"

    async def connected(self, number: int = 1, *, seconds: float = 15.0) -> None:
        """Wait until that many sockets are open."""
        async with asyncio.timeout(seconds):
            while len(self.sockets) < number:  # noqa: ASYNC110 - connections come from another program
                await asyncio.sleep(0.02)

    async def drop_sockets(self) -> None:
        """Close all sockets, as Slack does from time to time and when it has trouble."""
        for socket in list(self.sockets):
            await socket.close()

    async def deliver(self, kind: str, payload: dict[str, Any], *, retry: int = 0) -> Ack:
        """Send one payload (`interactive`, `slash_commands`, `events_api`) to the app and wait for its answer."""
        started = time.monotonic()
        sending = self._over_http(kind, payload) if self.request_url else self._over_socket(kind, payload, retry)
        try:
            async with asyncio.timeout(ACK_SECONDS):
                answered, body = await sending
        except (TimeoutError, aiohttp.ClientError):
            answered, body = False, None
        ack = Ack(acked=answered, seconds=time.monotonic() - started, payload=body)
        self.acks.append((kind, ack))
        return ack

    async def _over_socket(self, kind: str, payload: dict[str, Any], retry: int) -> tuple[bool, dict[str, Any] | None]:
        if not self.sockets:
            return False, None
        envelope = self.workspace.fresh("envelope-")
        body = {"type": kind, "envelope_id": envelope, "payload": payload, "accepts_response_payload": True}
        if kind == "events_api":
            body |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        self._waiting[envelope] = asyncio.get_running_loop().create_future()
        try:
            await random.choice(self.sockets).send_json(body)
            return True, await self._waiting[envelope]
        finally:
            del self._waiting[envelope]

    async def _over_http(self, kind: str, payload: dict[str, Any]) -> tuple[bool, dict[str, Any] | None]:
        content = "application/json" if kind == "events_api" else "application/x-www-form-urlencoded"
        match kind:
            case "events_api":
                body = json.dumps(payload)
            case "interactive":
                body = urlencode({"payload": json.dumps(payload)})
            case _:
                body = urlencode(payload)
        headers = {"Content-Type": content, **self.signature(body)}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.request_url, data=body.encode(), headers=headers) as answer,
        ):
            text = await answer.text()
            found = json.loads(text) if text.startswith("{") else {"text": text} if text else None
            return answer.status == 200, found

    def signature(self, body: str) -> dict[str, str]:
        """The headers with which Slack signs a request."""
        stamp = str(int(time.time() + self.skew))
        key = self.workspace.signing_secret.encode()
        digest = hmac.new(key, f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    def answered(self, envelope: str, payload: dict[str, Any] | None) -> None:
        """An acknowledgement came over a socket."""
        waiting = self._waiting.get(envelope)
        if waiting and not waiting.done():
            waiting.set_result(payload)


SLACK = web.AppKey("slack", Slack)


@asynccontextmanager
async def standin(workspace: Workspace | None = None) -> AsyncIterator[Slack]:
    """Serve a workspace on a free port."""
    slack = Slack(workspace=workspace or Workspace())
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app[SLACK] = slack
    app.router.add_route("*", "/api/{method}", _api)
    app.router.add_get("/link", _socket)
    app.router.add_post("/upload/{id}", _upload)
    app.router.add_post("/response/{id}", _respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield slack
    finally:
        await slack.drop_sockets()
        await runner.cleanup()


async def _api(request: web.Request) -> web.StreamResponse:
    slack, name = request.app[SLACK], request.match_info["method"]
    ws = slack.workspace
    if ws.down:
        return web.Response(status=503, text="Service Unavailable")
    args = await _arguments(request)
    ws.calls.append((name, args))
    try:
        _check_token(ws, name, request.headers.get("Authorization", "").removeprefix("Bearer ") or args.get("token"))
        _check_scope(ws, name)
        answer = _own(slack, name, args) or _known(ws, name)(ws, args)
    except KeyError:
        return web.json_response({"ok": False, "error": "unknown_method"})
    except SlackError as error:
        return _refusal(ws, name, error)
    if ws.lost_answers.get(name, 0) > 0:
        ws.lost_answers[name] -= 1
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    return web.json_response({"ok": True} | answer, headers={"x-oauth-scopes": ",".join(sorted(ws.scopes))})


def _known(ws: Workspace, name: str) -> Method:
    """The method. Raises KeyError for one that Slack, or this workspace, does not have."""
    return METHODS[name] if name not in ws.lacks else METHODS[""]


def _refusal(ws: Workspace, name: str, error: SlackError) -> web.Response:
    ws.refused.append((name, error.code, error.messages))
    body: dict[str, Any] = {"ok": False, "error": error.code}
    if error.messages:
        body |= {"errors": list(error.messages), "response_metadata": {"messages": list(error.messages)}}
    if error.retry_after is None:
        return web.json_response(body)
    return web.json_response(body, status=429, headers={"Retry-After": str(int(error.retry_after) + 1)})


def _check_token(ws: Workspace, name: str, token: str | None) -> None:
    if ws.revoked:
        raise SlackError("token_revoked")
    if token != (ws.app_token if name == "apps.connections.open" else ws.token):
        raise SlackError("invalid_auth" if token else "not_authed")


def _check_scope(ws: Workspace, name: str) -> None:
    wanted = SCOPES.get(name, ())
    if wanted and not ws.scopes & set(wanted):
        raise SlackError("missing_scope", f"needed: {','.join(wanted)}")


def _own(slack: Slack, name: str, args: dict[str, Any]) -> dict[str, Any] | None:
    """Methods whose answers name an address of this server."""
    ws = slack.workspace
    match name:
        case "apps.connections.open":
            return {"url": f"{slack.url.replace('http', 'ws', 1)}/link"}
        case "files.getUploadURLExternal":
            file = ws.fresh("F")
            ws.file_names[file] = str(args.get("filename"))
            return {"file_id": file, "upload_url": f"{slack.url}/upload/{file}"}
        case "files.completeUploadExternal":
            return _complete_upload(ws, args)
        case _:
            return None


def _complete_upload(ws: Workspace, args: dict[str, Any]) -> dict[str, Any]:
    files = [item["id"] for item in args["files"]]
    if any(file not in ws.files for file in files):
        raise SlackError("file_not_found")
    if args.get("channel_id"):
        channel = ws.channel(args["channel_id"])
        message = Message(
            channel=channel.id,
            ts=ws.ts(),
            user=BOT_USER,
            text=args.get("initial_comment") or "",
            blocks=[],
            thread_ts=args.get("thread_ts"),
            files=[{"id": file, "name": ws.file_names[file]} for file in files],
        )
        ws.messages.append(message)
    return {"files": [{"id": item["id"], "title": item.get("title")} for item in args["files"]]}


async def _arguments(request: web.Request) -> dict[str, Any]:
    found: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        found |= await request.json() if request.can_read_body else {}
    elif request.can_read_body:
        found |= dict(await request.post())
    for name in COMPLEX:
        if isinstance(found.get(name), str):
            found[name] = json.loads(found[name])
    return found


async def _socket(request: web.Request) -> web.StreamResponse:
    slack = request.app[SLACK]
    if slack.workspace.down:
        return web.Response(status=503)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_json(
        {"type": "hello", "num_connections": len(slack.sockets) + 1, "connection_info": {"app_id": APP}}
    )
    slack.sockets.append(socket)
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                answer = json.loads(message.data)
                slack.answered(answer["envelope_id"], answer.get("payload"))
    finally:
        slack.sockets.remove(socket)
    return socket


async def _upload(request: web.Request) -> web.Response:
    slack = request.app[SLACK]
    slack.workspace.files[request.match_info["id"]] = await request.read()
    return web.Response(text="OK - 1")


async def _respond(request: web.Request) -> web.Response:
    """A response_url: an ephemeral answer to whoever clicked or typed, or a change of the clicked message."""
    ws = request.app[SLACK].workspace
    known = ws.responses.get(request.match_info["id"])
    if known is None:
        return web.Response(status=404, text="used_url")
    channel, user, ts = known
    args = await request.json()
    try:
        if args.get("replace_original") and ts:
            _update(ws, args | {"channel": channel, "ts": ts})
        else:
            message = _message(ws, args, channel)
            message.visible_to = None if args.get("response_type") == "in_channel" else user
            ws.messages.append(message)
    except SlackError as error:
        ws.refused.append(("response_url", error.code, error.messages))
        return web.json_response({"ok": False, "error": error.code})
    return web.json_response({"ok": True})
