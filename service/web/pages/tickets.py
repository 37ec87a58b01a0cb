"""Filing a ticket from a page: committed before the answer; who asks a second time is led to the first."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from incidents.approval import Refused
from incidents.ids import IncidentId
from incidents.ticket import Target
from service.tickets.asking import ask
from service.web.access import ContextDep, FormDep, IncidentPath, SessionDep, local_path
from service.web.api import refusal

router = APIRouter()


@router.post("/incidents/{incident}/tickets")
async def file(context: ContextDep, session: SessionDep, form: FormDep, incident: IncidentPath) -> Response:
    """Want a ticket. Raises Problem for a refusal."""
    target = form.get("target", "")
    answer = await ask(
        context.store,
        context.settings,
        IncidentId(incident),
        target=Target(target) if target in set(Target) else None,
        person=session.person,
        console=context.base_url,
    )
    if isinstance(answer, Refused):
        raise refusal(answer)
    return RedirectResponse(local_path(form.get("next", f"/incidents/{incident}")), status_code=HTTPStatus.SEE_OTHER)
