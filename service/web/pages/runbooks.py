"""The runbooks that Midwatch knows: the list, and each as people read it."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.web.access import ContextDep, SessionDep
from service.web.markdown import render
from service.web.problems import Problem
from service.web.rendering import pages_of

router = APIRouter()


@router.get("/runbooks")
async def runbooks(request: Request, context: ContextDep, session: SessionDep) -> Response:
    """All of them."""
    library = context.library()
    return await pages_of(request).page(request, "runbooks.html", session=session, runbooks=library.runbooks)


@router.get("/runbooks/{slug}")
async def one(request: Request, context: ContextDep, session: SessionDep, slug: str) -> Response:
    """One runbook."""
    found = next((runbook for runbook in context.library().runbooks if runbook.slug == slug), None)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no runbook {slug[:80]}: the list has those that were read.")
    sections = [(section.heading, render(section.text)) for section in found.sections]
    return await pages_of(request).page(request, "runbook.html", session=session, runbook=found, sections=sections)
