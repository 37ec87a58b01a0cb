"""The agents at work now and what they used; and the two brakes: stop one investigation, pause all execution."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from incidents.approval import Refused
from incidents.ids import IncidentId
from orchestrator.decisions import SWITCH_ROLES
from orchestrator.stopping import stop_investigation
from service.web.access import ContextDep, FormDep, IncidentPath, SessionDep, local_path
from service.web.api import STATUS
from service.web.at_work import at_work
from service.web.pages.incident import incident_page
from service.web.rendering import pages_of

router = APIRouter()


@router.get("/agents")
async def agents(request: Request, context: ContextDep, session: SessionDep) -> Response:
    """The page, or only its changing part for a page that is open."""
    work, may_stop = await at_work(context), bool(set(session.person.roles) & SWITCH_ROLES)
    if request.headers.get("hx-target") == "agents":
        return await pages_of(request).part(
            "_agents.html", session=session, path="/agents", work=work, may_stop=may_stop
        )
    return await pages_of(request).page(request, "agents.html", session=session, work=work, may_stop=may_stop)


@router.post("/incidents/{incident}/stop")
async def stop(
    request: Request, context: ContextDep, session: SessionDep, form: FormDep, incident: IncidentPath
) -> Response:
    """Stop an investigation. A refusal is shown to the person who clicked, on the incident's page as it is now."""
    answer = await stop_investigation(
        context.store,
        IncidentId(incident),
        person=session.person,
        reason=form.get("reason", ""),
        now=context.clock.now(),
    )
    if isinstance(answer, Refused):
        status = STATUS[answer.refusal]
        return await incident_page(
            request, context, session, IncidentId(incident), notice=answer.message, status=status
        )
    return RedirectResponse(local_path(form.get("next", f"/incidents/{incident}")), status_code=HTTPStatus.SEE_OTHER)


@router.get("/incidents/{incident}/stop")
async def back(incident: IncidentPath, _: SessionDep) -> Response:
    """After a refusal the address is this one; reloading it leads back to the page."""
    return RedirectResponse(f"/incidents/{incident}", status_code=HTTPStatus.SEE_OTHER)
