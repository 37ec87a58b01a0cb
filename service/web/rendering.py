"""Turns values into pages: one Jinja environment that escapes everything, and the frame that all pages share."""

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.store.control import Switch, switch_of
from service.story.fields import fields
from service.story.steps import step_word
from service.story.words import FILTERS
from service.web.access import cookie_name
from service.web.context import WebContext
from service.web.identity import Session
from service.web.problems import Problem
from service.web.waiting import waiting_for
from tools.clock import ScaledClock, SystemClock

HERE = Path(__file__).parent
NAVIGATION = (
    ("/", "Incidents", "i"),
    ("/agents", "Agents", "w"),
    ("/runbooks", "Runbooks", "b"),
    ("/figures", "Metrics", "m"),
    ("/evals", "Evals", "e"),
    ("/policy", "Policy", "p"),
    ("/audit", "Audit", "l"),
    ("/settings", "Settings", "s"),
)
"""Address, name and shortcut (after `g`) of what the frame leads to."""


class Pages:
    """The templates of one process."""

    def __init__(self, context: WebContext) -> None:
        """Templates are compiled when they are first used."""
        self._context = context
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(FILTERS, fields=fields, step_word=step_word)
        self._environment.globals |= {"asset": asset, "navigation": NAVIGATION}

    def html(self, template: str, /, **values: Any) -> str:
        """A template filled in."""
        return self._environment.get_template(template).render(**values)

    async def page(
        self, request: Request, template: str, /, *, session: Session, status: int = HTTPStatus.OK, **values: Any
    ) -> HTMLResponse:
        """A page for somebody who is signed in, in the frame."""
        async with self._context.store.transaction() as tx:
            switch = await switch_of(tx)
            waiting = await waiting_for(tx, session.person, now=self._context.clock.now())
        return self._answer(
            request, template, session=session, switch=switch, waiting=len(waiting), status=status, **values
        )

    async def part(
        self, template: str, /, *, session: Session, path: str, title: str = "", **values: Any
    ) -> HTMLResponse:
        """The changing part of the open page at `path`, with what the frame says of the switch.

        `title` is the template of the page's title, when that changes too.
        """
        async with self._context.store.transaction() as tx:
            values |= {"session": session, "switch": await switch_of(tx), "path": path, "part": True}
        named = f"<title>{self.html(title, **values)}</title>" if title else ""
        now = self._context.clock.now()
        parts = (self.html(name, **{"now": now, **values}) for name in (template, "_paused.html"))
        return HTMLResponse(named + "".join(parts))

    def bare(self, request: Request, template: str, /, *, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
        """A page without the frame's navigation: for nobody in particular."""
        return self._answer(request, template, session=None, switch=Switch(), waiting=0, status=status, **values)

    def problem(self, request: Request, problem: Problem) -> HTMLResponse:
        """A page that says what went wrong."""
        session = self._context.identities.session(request.cookies.get(cookie_name(self._context), ""))
        answer = self._answer(
            request, "problem.html", session=session, switch=Switch(), waiting=0, status=problem.status, problem=problem
        )
        answer.headers.update(problem.headers)
        return answer

    def _answer(self, request: Request, template: str, /, *, status: int, **values: Any) -> HTMLResponse:
        now = self._context.clock.now()
        html = self.html(
            template,
            now=now,
            rate=self._rate,
            path=request.url.path,
            part=False,
            policy_problem=self._context.policy_problem,
            **values,
        )
        return HTMLResponse(html, status_code=status)

    @property
    def _rate(self) -> float:
        """Seconds of this clock per second of the browser's: countdowns run by it."""
        clock = self._context.clock
        if isinstance(clock, ScaledClock):
            return clock.rate
        return 1.0 if isinstance(clock, SystemClock) else 0.0


@cache
def asset(name: str) -> str:
    """The address of a static file with its digest, so that it may be cached for ever."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def pages_of(request: Request) -> Pages:
    """The templates of the application."""
    pages: Pages = request.app.state.pages
    return pages
