"""The part of a kubelet's own HTTPS API that the API server needs to answer `GET pods/log`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web

from tests.cluster.kubelet import stamp
from tests.cluster.kubelet.logbook import ContainerName, Line, LogBook, NoLogsError

_FOLLOW_SECONDS = 0.2
_BOOK = web.AppKey("book", LogBook)


@dataclass(frozen=True, kw_only=True)
class LogRequest:
    """The options of `pods/log`, as the API server passes them on."""

    previous: bool
    follow: bool
    timestamps: bool
    tail_lines: int | None
    limit_bytes: int | None
    since: datetime | None

    @classmethod
    def parse(cls, request: web.Request) -> LogRequest:
        """Read the query."""
        query = request.query
        since = datetime.fromisoformat(query["sinceTime"]) if "sinceTime" in query else None
        if "sinceSeconds" in query:
            since = stamp.now() - timedelta(seconds=int(query["sinceSeconds"]))
        return cls(
            previous=query.get("previous") == "true",
            follow=query.get("follow") == "true",
            timestamps=query.get("timestamps") == "true",
            tail_lines=int(query["tailLines"]) if "tailLines" in query else None,
            limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
            since=since,
        )

    def render(self, lines: Sequence[Line]) -> bytes:
        """The lines that were asked for, oldest first, cut at the limit of bytes."""
        chosen = [line for line in lines if self.since is None or line.at >= self.since]
        if self.tail_lines is not None:
            chosen = chosen[-self.tail_lines :] if self.tail_lines else []
        text = "".join(
            f"{stamp.micros(line.at)} {line.text}\n" if self.timestamps else f"{line.text}\n" for line in chosen
        )
        return text.encode()[: self.limit_bytes]


async def serve(book: LogBook, *, port: int, certificate: Path, key: Path, authority: Path) -> web.AppRunner:
    """Listen on loopback; only who holds a client certificate of the authority is answered. Clean up the runner at the end."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_REQUIRED
    app = web.Application()
    app[_BOOK] = book
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", _container_logs)
    app.router.add_get("/healthz", _healthy)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    return runner


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _container_logs(request: web.Request) -> web.StreamResponse:
    options = LogRequest.parse(request)
    try:
        run = request.app[_BOOK].read(ContainerName(**request.match_info), previous=options.previous)
    except NoLogsError as error:
        # The kubelet answers 400 to whatever stands in its way here.
        return web.Response(status=400, text=str(error))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    sent = len(run.lines)
    await response.write(options.render(run.lines))
    while options.follow and not run.ended:
        await asyncio.sleep(_FOLLOW_SECONDS)
        news, sent = run.lines[sent:], len(run.lines)
        if news:
            await response.write(options.render(news))
    await response.write_eof()
    return response
