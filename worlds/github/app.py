"""GitHub's API as an application: routes, and errors as GitHub words them."""

from collections.abc import Callable

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from worlds.github import issues, reads, writes
from worlds.github.access import Tokens
from worlds.github.shapes import Shapes
from worlds.objects.kinds import JsonObject
from worlds.repository.forge import Forge


def github_app(forge: Forge, *, base_url: str, tokens: Tokens, now: Callable[[], float]) -> FastAPI:
    """Return the application. `now` is the virtual time in unix seconds."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    shapes = Shapes(base_url)
    app.include_router(reads.router(forge, shapes, tokens))
    app.include_router(writes.router(forge, shapes, tokens, now=now))
    app.include_router(issues.router(forge, shapes, tokens, now=now))

    @app.get("/user", dependencies=[Depends(tokens.may_read)])
    async def user() -> JsonObject:
        return {"login": "midwatch", "type": "User"}

    @app.get("/rate_limit")
    async def rate_limit(request: Request) -> JsonObject:
        if "authorization" in request.headers:  # anybody may ask, but not with a token that is none
            await tokens.may_read(request)
        core = {"limit": 5000, "remaining": 4990, "reset": int(now()) + 3600, "used": 10}
        return {"resources": {"core": core}, "rate": core}

    @app.exception_handler(HTTPException)
    async def refuse(_request: Request, error: HTTPException) -> JSONResponse:
        body = {
            "message": error.detail,
            "documentation_url": "https://docs.github.com/rest",
            "status": str(error.status_code),
        }
        return JSONResponse(body, status_code=error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse(
            {"message": "Invalid request.", "errors": [str(e["loc"]) for e in error.errors()]}, status_code=422
        )

    return app
