"""The runbooks that Midwatch knows: how each stands, and each as people read it, with the incidents that used it."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from orchestrator.store.courses import courses
from service.web.access import ContextDep, SessionDep
from service.web.context import WebContext
from service.web.markdown import render
from service.web.problems import Problem
from service.web.rendering import pages_of
from service.web.shelf import LOOKED_BACK, Standing, shelf

router = APIRouter()

SHOWN = ("all", "used", "stale", "problems")
"""What the list can be narrowed to."""


@router.get("/runbooks")
async def runbooks(
    request: Request, context: ContextDep, session: SessionDep, show: str = "all", q: str = ""
) -> Response:
    """All of them, or those that are used, stale, or have problems."""
    standing = await _standing(context)
    views = {
        "all": standing,
        "used": tuple(sorted((one for one in standing if one.uses), key=lambda one: -len(one.uses))),
        "stale": tuple(one for one in standing if one.stale),
        "problems": tuple(one for one in standing if one.problems),
    }
    chosen = show if show in SHOWN else "all"
    return await pages_of(request).page(
        request,
        "runbooks.html",
        session=session,
        total=len(standing),
        shown=tuple(one for one in views[chosen] if _matches(one, q)),
        counts={name: len(found) for name, found in views.items()},
        show=chosen,
        q=q[:200],
        days=LOOKED_BACK.days,
    )


@router.get("/runbooks/{slug}")
async def one(request: Request, context: ContextDep, session: SessionDep, slug: str) -> Response:
    """One runbook."""
    found = next((one for one in await _standing(context) if one.runbook.slug == slug), None)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no runbook {slug[:80]}: the list has those that were read.")
    sections = [(section.heading, render(section.text)) for section in found.runbook.sections]
    return await pages_of(request).page(
        request,
        "runbook.html",
        session=session,
        standing=found,
        runbook=found.runbook,
        sections=sections,
        days=LOOKED_BACK.days,
    )


async def _standing(context: WebContext) -> tuple[Standing, ...]:
    library, problems = context.library(), context.runbook_problems()
    now = context.clock.now()
    async with context.store.transaction() as tx:
        used = await courses(tx, since=now - LOOKED_BACK, until=now)
    return await asyncio.to_thread(shelf, library, problems, used)


def _matches(one: Standing, words: str) -> bool:
    """Whether title, cause, alerts or facts hold the text."""
    cause = one.runbook.cause
    kinds = [kind for line in cause.must for kind in line.kinds] if cause else []
    held = " ".join((one.runbook.title, one.runbook.slug, *one.runbook.alerts, *kinds))
    return words.strip().casefold() in held.casefold()
