"""Puts the web together: routes, headers, error answers, and the listener that keeps open pages live."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from orchestrator.intake.errors import FieldError
from orchestrator.store.errors import UnknownError
from orchestrator.store.outages import OUTAGES, is_outage
from service.web import api, changing, health, webhook
from service.web.access import comes_from_elsewhere, page_asked_for, sign_in_url
from service.web.auditing import Inspector
from service.web.body import unprocessable
from service.web.bounds import Bounds
from service.web.checkup import Checkup
from service.web.context import WebContext
from service.web.description import describe
from service.web.headers import ALWAYS, SafetyHeaders
from service.web.live import Hub
from service.web.pages import (
    agents,
    audit,
    deciding,
    evals,
    events,
    evidence,
    figures,
    incident,
    listing,
    policy,
    postmortem,
    runbooks,
    settings,
    sign_in,
    single_sign_on,
    tickets,
)
from service.web.pages import changing as changing_page
from service.web.problems import Problem, SignInNeeded, for_machines, json_problem, unavailable
from service.web.rendering import Pages

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
ROUTERS = (
    *(webhook, api, changing, health, sign_in, single_sign_on),
    *(
        listing,
        incident,
        events,
        deciding,
        changing_page,
        evidence,
        postmortem,
        tickets,
        agents,
        runbooks,
        figures,
        evals,
        policy,
        settings,
        audit,
    ),
)


def create_app(context: WebContext) -> FastAPI:
    """The ASGI application of one web process. Its lifespan follows the timeline of `context.store`."""
    app = FastAPI(
        title="Midwatch",
        version=context.version,
        lifespan=_follow,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.context = context
    app.state.hub = Hub(context.store)
    app.state.gate = webhook.Gate(context.settings.webhook.max_waiting)
    app.state.pages = Pages(context)
    app.state.checkup = Checkup(settings=context.settings)
    app.state.inspector = Inspector(store=context.store, settings=context.settings)
    for module in ROUTERS:
        app.include_router(module.router, include_in_schema=module in (webhook, api, changing, health))
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(Bounds)
    app.add_middleware(SafetyHeaders, https=context.base_url.startswith("https://"))
    _answer_errors(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's way of extending it
    return app


@asynccontextmanager
async def _follow(app: FastAPI) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        following = group.create_task(app.state.hub.run())
        try:
            yield
        finally:
            app.state.context.stopping.set()
            following.cancel()
            await app.state.checkup.stop()
            await app.state.inspector.stop()


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(SignInNeeded, _sign_in_needed)
    app.add_exception_handler(UnknownError, _unknown)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for outage in OUTAGES:
        app.add_exception_handler(outage, _outage)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _tell(request, error)


async def _sign_in_needed(request: Request, _: Exception) -> Response:
    if "hx-request" in request.headers:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": sign_in_url(request)})
    if comes_from_elsewhere(request):
        pages: Pages = request.app.state.pages
        return pages.bare(request, "opening.html", address=page_asked_for(request))
    return RedirectResponse(sign_in_url(request), status_code=HTTPStatus.SEE_OTHER)


async def _unknown(request: Request, error: Exception) -> Response:
    return _tell(request, Problem(HTTPStatus.NOT_FOUND, f"{str(error)[:200]}."))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = tuple(FieldError(field=".".join(map(str, e["loc"][1:])), problem=e["msg"]) for e in error.errors())
    return _tell(request, unprocessable(fields))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    message = "There is no such page." if status is HTTPStatus.NOT_FOUND else f"{status.phrase}: {status.description}."
    return _tell(request, Problem(status, message, headers=error.headers))


async def _outage(request: Request, error: Exception) -> Response:
    logger.warning("The database cannot be reached: %s", error, extra={"action": "database_outage"})
    return _tell(request, unavailable())


async def _unexpected(request: Request, error: Exception) -> Response:
    if is_outage(error):
        return await _outage(request, error)
    message = "Something went wrong here. It is in the log, with this request's time; nothing was decided by it."
    answer = _tell(request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, message))
    answer.headers.update(ALWAYS)  # this one is made outside of all middleware
    return answer


def _tell(request: Request, problem: Problem) -> Response:
    if for_machines(request):
        return json_problem(problem)
    pages: Pages = request.app.state.pages
    return pages.problem(request, problem)
