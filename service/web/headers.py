"""Headers that every answer carries: nothing from outside runs or frames a page, whatever the page may contain."""

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style anywhere: text that slips through escaping still does nothing."""
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
A_YEAR = "public, max-age=31536000, immutable"


class SafetyHeaders:
    """Adds them. Pages are never cached; assets for ever, because their address carries a digest or a version."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """`https` adds Strict-Transport-Security."""
        self._app = app
        self._always = ALWAYS | ({"Strict-Transport-Security": "max-age=31536000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, query = scope["path"], scope["query_string"]
        versioned = path.startswith("/static/vendor/") or (path.startswith("/static/") and b"v=" in query)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                found = message["status"] == HTTPStatus.OK
                headers.setdefault("Cache-Control", A_YEAR if versioned and found else "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)
