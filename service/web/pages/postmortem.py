"""The post-mortem as a page that prints well, and as Markdown to take away."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from incidents.ids import IncidentId
from incidents.incident import Incident
from orchestrator.store.incidents import incident_of
from orchestrator.store.postmortems import Draft, postmortem_of
from service.web.access import ContextDep, IncidentPath, SessionDep
from service.web.context import WebContext
from service.web.markdown import render
from service.web.problems import Problem
from service.web.rendering import pages_of

router = APIRouter()


@router.get("/incidents/{incident}/postmortem")
async def page(request: Request, context: ContextDep, session: SessionDep, incident: IncidentPath) -> Response:
    """The newest draft."""
    head, draft = await _draft(context, IncidentId(incident))
    return await pages_of(request).page(
        request, "postmortem.html", session=session, incident=head, draft=draft, html=render(draft.markdown)
    )


@router.get("/incidents/{incident}/postmortem.md")
async def markdown(context: ContextDep, _: SessionDep, incident: IncidentPath) -> Response:
    """The newest draft as a file."""
    head, draft = await _draft(context, IncidentId(incident))
    headers = {"Content-Disposition": f'attachment; filename="{head.id}.md"'}
    return PlainTextResponse(draft.markdown, media_type="text/markdown", headers=headers)


async def _draft(context: WebContext, incident: IncidentId) -> tuple[Incident, Draft]:
    async with context.store.transaction() as tx:
        head, draft = await incident_of(tx, incident), await postmortem_of(tx, incident)
    if draft is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no post-mortem yet: it is drafted when the incident ends.")
    return head, draft
