"""GitHub's API as an application: routes, and errors as GitHub words them."""

from collections.abc import Callable
from functools import cache

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from worlds.github import issues, reads, writes
from worlds.github.access import Tokens, may_read
from worlds.github.shapes import Shapes
from worlds.instances import Bound, endpoint
from worlds.objects.kinds import JsonObject
from worlds.repository.forge import Forge
from worlds.sources import application


def github_app(forge: Forge, *, base_url: str, tokens: Tokens, now: Callable[[], float]) -> ASGIApp:
    """Return the application. `now` is the virtual time in unix seconds."""
    shapes = Shapes(base_url)
    return Bound(
        _shared(),
        tokens,
        reads.Reads(forge, shapes),
        writes.Writes(forge, shapes, now),
        issues.Issues(forge, shapes, now=now),
        _Asking(tokens, now),
    )


@cache
def _shared() -> FastAPI:
    routes = application()
    for part in (reads, writes, issues):
        part.add_routes(routes)
    user, rate_limit = endpoint(_Asking, _Asking.user), endpoint(_Asking, _Asking.rate_limit)
    routes.add_api_route("/user", user, methods=["GET"], dependencies=[Depends(may_read)])
    routes.add_api_route("/rate_limit", rate_limit, methods=["GET"])
    routes.exception_handler(HTTPException)(_refuse)
    routes.exception_handler(RequestValidationError)(_invalid)
    return routes


class _Asking:
    """Handlers about who asks, and how often they may."""

    def __init__(self, tokens: Tokens, now: Callable[[], float]) -> None:
        self._tokens = tokens
        self._now = now

    async def user(self) -> JsonObject:
        """GET /user."""
        return {"login": "midwatch", "type": "User"}

    async def rate_limit(self, request: Request) -> JsonObject:
        """GET /rate_limit."""
        if "authorization" in request.headers:  # anybody may ask, but not with a token that is none
            await self._tokens.may_read(request)
        core = {"limit": 5000, "remaining": 4990, "reset": int(self._now()) + 3600, "used": 10}
        return {"resources": {"core": core}, "rate": core}


async def _refuse(_request: Request, error: HTTPException) -> JSONResponse:
    body = {
        "message": error.detail,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(error.status_code),
    }
    return JSONResponse(body, status_code=error.status_code)


async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    return JSONResponse(
        {"message": "Invalid request.", "errors": [str(e["loc"]) for e in error.errors()]}, status_code=422
    )
