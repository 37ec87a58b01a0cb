"""What is refused before any route sees it: requests that two readers could read differently, and guessing of tokens.

In front of Midwatch there may be a proxy. A request whose length is told twice could end at one place for the proxy and
at another for us (request smuggling), so it is answered 400 and its connection is closed.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SINGLE = (b"host", b"content-length", b"transfer-encoding", b"authorization", b"content-type")
"""Headers that may be there once at most."""
OVERRIDES = (b"x-http-method-override", b"x-method-override", b"x-original-url", b"x-rewrite-url")
"""Headers by which a proxy and an application can be made to see different requests."""
FAILURES = 60
"""Refused credentials of one address within a window. Many people may come through one proxy, so it is generous: tokens
are long enough not to be guessed; this keeps the attempts from costing anything, and makes them seen."""
WINDOW_SECONDS = 60.0
ADDRESSES = 4096
"""Addresses whose failures are counted; the one that failed longest ago is forgotten first."""
NOT_LIMITED = "/api/v1/alerts/"
"""Alerts are never turned away for what somebody else behind the same address does."""

Headers = list[tuple[bytes, bytes]]


def ambiguity(headers: Headers) -> str | None:
    """Why a request could be read in two ways; None for every honest one."""
    names = [name for name, _ in headers]
    twice = next((name for name in SINGLE if names.count(name) > 1), None)
    if twice is not None:
        return f"the header {twice.decode()} is there {names.count(twice)} times: send it once"
    if b"content-length" in names and b"transfer-encoding" in names:
        return "content-length and transfer-encoding both say where the body ends: send one of them"
    length = next((value for name, value in headers if name == b"content-length"), b"0")
    if not length.isdigit():
        return "content-length is no number"
    override = next((name for name in OVERRIDES if name in names), None)
    return f"the header {override.decode()} is not understood here: leave it out" if override else None


class Guesses:
    """Refused credentials by address, within the last window. One process counts for itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        failed = self._recent(address)
        return 0.0 if len(failed) < FAILURES else max(1.0, failed[0] + WINDOW_SECONDS - self._clock())

    def failed(self, address: str) -> None:
        """Count one more."""
        self._failed[address] = [*self._recent(address), self._clock()][-FAILURES:]
        self._failed.move_to_end(address)
        while len(self._failed) > ADDRESSES:
            self._failed.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        since = self._clock() - WINDOW_SECONDS
        return [at for at in self._failed.get(address, ()) if at > since]


class Bounds:
    """Refuses what is ambiguous, and addresses that guess."""

    def __init__(self, app: ASGIApp, *, guesses: Guesses | None = None) -> None:
        """`app` sees the rest."""
        self._app, self._guesses = app, guesses or Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if why := ambiguity(list(scope["headers"])):
            await _refuse(send, HTTPStatus.BAD_REQUEST, "ambiguous", why, {"connection": "close"})
            return
        limited = _presents_credentials(scope)
        address = (scope.get("client") or ("unknown", 0))[0]
        if limited and (seconds := self._guesses.wait(address)):
            why = f"Too many wrong credentials came from {address}: try again in {seconds:.0f} s."
            await _refuse(send, HTTPStatus.TOO_MANY_REQUESTS, "too_many", why, {"retry-after": f"{seconds:.0f}"})
            return

        async def counting(message: Message) -> None:
            if limited and message["type"] == "http.response.start" and message["status"] == HTTPStatus.UNAUTHORIZED:
                self._guesses.failed(address)
            await send(message)

        await self._app(scope, receive, counting)


def _presents_credentials(scope: Scope) -> bool:
    """Whether it tries a token. Who is signed in is never turned away for what others do."""
    path: str = scope["path"]
    tries = path == "/sign-in" and scope["method"] == "POST"
    return tries or (any(name == b"authorization" for name, _ in scope["headers"]) and not path.startswith(NOT_LIMITED))


async def _refuse(send: Send, status: HTTPStatus, code: str, message: str, headers: dict[str, str]) -> None:
    body = json.dumps({"error": code, "message": message, "fields": []}).encode()
    sent = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    pairs = [(name.encode(), value.encode()) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
