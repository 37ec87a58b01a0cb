"""What this process was told and where each value comes from, without secrets; and doctor's view of the estate."""

from http import HTTPStatus
from itertools import groupby

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from orchestrator.decisions import SWITCH_ROLES
from orchestrator.origins import origins
from service.web.access import ContextDep, FormDep, SessionDep
from service.web.checkup import Checkup
from service.web.problems import Problem
from service.web.rendering import pages_of

router = APIRouter()


@router.get("/settings")
async def settings(request: Request, context: ContextDep, session: SessionDep) -> Response:
    """All settings, by group; those that somebody chose come first on the page."""
    found = origins(context.settings)
    chosen = tuple(one for one in found if one.chosen)
    groups = [(name, tuple(items)) for name, items in groupby(found, key=lambda one: one.group)]
    return await pages_of(request).page(
        request,
        "settings.html",
        session=session,
        chosen=chosen,
        groups=groups,
        total=len(found),
        version=context.version,
    )


@router.get("/settings/doctor")
async def doctor(request: Request, session: SessionDep) -> Response:
    """The last report, or only its part for a page that waits for it."""
    checkup: Checkup = request.app.state.checkup
    may_check = bool(set(session.person.roles) & SWITCH_ROLES)
    if request.headers.get("hx-target") == "checkup":
        html = pages_of(request).html("_doctor.html", checkup=checkup, session=session, may_check=may_check)
        return Response(html, media_type="text/html")
    return await pages_of(request).page(request, "doctor.html", session=session, checkup=checkup, may_check=may_check)


@router.post("/settings/doctor")
async def check(request: Request, session: SessionDep, _: FormDep) -> Response:
    """Check now. The page follows until the report is there."""
    if not set(session.person.roles) & SWITCH_ROLES:
        roles = " or ".join(sorted(SWITCH_ROLES))
        raise Problem(HTTPStatus.FORBIDDEN, f"Only {roles} may start the checks: they ask every connected system.")
    request.app.state.checkup.start()
    return RedirectResponse("/settings/doctor", status_code=HTTPStatus.SEE_OTHER)
