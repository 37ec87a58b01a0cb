"""What every request passes: time catches up with the clock, and a source that cannot be seen says so."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from worlds.world import Estate

_ALERTING = "alertmanager"


class Gate:
    """An ASGI application around all others."""

    def __init__(self, app: ASGIApp, *, estate: Estate) -> None:
        self._app = app
        self._estate = estate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through unless its source is not to be seen."""
        if scope["type"] == "http":
            source = scope["path"].strip("/").partition("/")[0]
            hidden = self._estate.scenario.visibility
            if source in hidden.unavailable:
                answer = JSONResponse({"error": "service unavailable"}, status_code=503)
                await answer(scope, receive, send)
                return
            if source in hidden.forbidden:
                answer = JSONResponse({"error": "forbidden", "message": "access denied"}, status_code=403)
                await answer(scope, receive, send)
                return
            self._estate.catch_up()
            if source == _ALERTING:
                self._estate.alert_up_to_now()
        await self._app(scope, receive, send)
