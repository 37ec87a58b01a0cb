"""Several systems under one port, each under its own first path segment."""

from collections.abc import Callable, Iterable, Mapping

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

Maker = Callable[[], ASGIApp]


class Sources:
    """An ASGI application of several. Each is made when it is first asked: most worlds are asked for some of them."""

    def __init__(self, makers: Mapping[str, Maker]) -> None:
        """`makers` are by path segment."""
        self._makers = dict(makers)
        self._made: dict[str, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the system that it is for; it reads the path from behind its segment on."""
        if scope["type"] != "http":
            return
        name = scope["path"].lstrip("/").partition("/")[0]
        app = self._app(name) or JSONResponse({"detail": "Not Found"}, status_code=404)
        await app({**scope, "root_path": f"{scope.get('root_path', '')}/{name}"}, receive, send)

    def _app(self, name: str) -> ASGIApp | None:
        if name not in self._made and name in self._makers:
            self._made[name] = self._makers[name]()
        return self._made.get(name)


def application() -> FastAPI:
    """Return an application without routes, and without pages about itself.

    Routes are added to it and not to a router of their own: FastAPI would analyse them a second time.
    """
    return FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def plain_application(routes: Iterable[BaseRoute]) -> Starlette:
    """Return an application of routes that read their parameters by themselves. What it refuses, it words alike."""
    return Starlette(routes=list(routes), exception_handlers={HTTPException: _refuse})


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return await http_exception_handler(request, error)
