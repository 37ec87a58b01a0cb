"""The page of one incident, and its live part."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from incidents.canonical import digest_of, short
from incidents.ids import IncidentId
from orchestrator.store.transaction import Tx
from service.story.record import IncidentRecord, record_of
from service.web.access import ContextDep, IncidentPath, SessionDep
from service.web.context import WebContext
from service.web.decision import Attempt
from service.web.identity import Session
from service.web.pages.incident_view import IncidentView, view_of
from service.web.rendering import pages_of

router = APIRouter()


@router.get("/incidents/{incident}")
async def page(request: Request, context: ContextDep, session: SessionDep, incident: IncidentPath) -> Response:
    """The whole page."""
    return await incident_page(request, context, session, IncidentId(incident))


@router.get("/incidents/{incident}/live")
async def live(
    request: Request, context: ContextDep, session: SessionDep, incident: IncidentPath, seen: str = ""
) -> Response:
    """The part of the page that changes; 204 when it is what the browser has seen."""
    async with context.store.transaction() as tx:
        record = await record_of(tx, IncidentId(incident), now=context.clock.now())
        version = _version(record)
        if version == seen:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        view = await _view(tx, record, context, session)
    return await pages_of(request).part(
        "_incident.html",
        session=session,
        path=f"/incidents/{incident}",
        title="_incident_title.html",
        view=view,
        now=record.now,
        version=version,
    )


async def incident_page(
    request: Request,
    context: WebContext,
    session: Session,
    incident: IncidentId,
    *,
    notice: str = "",
    status: int = HTTPStatus.OK,
    attempt: Attempt | None = None,
) -> Response:
    """The page, with a notice for the person who just clicked, and what they typed."""
    async with context.store.transaction() as tx:
        record = await record_of(tx, incident, now=context.clock.now())
        view = await _view(tx, record, context, session, attempt=attempt)
    return await pages_of(request).page(
        request,
        "incident.html",
        session=session,
        status=status,
        view=view,
        version=_version(record),
        notice=notice,
    )


async def _view(
    tx: Tx, record: IncidentRecord, context: WebContext, session: Session, *, attempt: Attempt | None = None
) -> IncidentView:
    tickets = context.settings.tickets
    return await view_of(tx, record, person=session.person, library=context.library(), tickets=tickets, attempt=attempt)


def _version(record: IncidentRecord) -> str:
    """The same for the same content, whenever it is read."""
    return short(digest_of(record.model_copy(update={"now": record.incident.opened_at})))
