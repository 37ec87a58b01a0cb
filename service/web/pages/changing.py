"""The form on an incident's page that narrows its proposal. A refusal is shown on the page as it is now."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from incidents.approval import Channel, Refused
from incidents.ids import IncidentId, ProposalDigest
from incidents.narrowing import NotNarrower
from incidents.proposal import ProposalBody
from orchestrator.changing import change
from orchestrator.store.proposals import proposal_by
from service.story.changing import fields_of, wanted_of
from service.web.access import ContextDep, FormDep, IncidentPath, SessionDep
from service.web.api import STATUS
from service.web.decision import Attempt
from service.web.pages.incident import incident_page
from service.web.problems import Problem

router = APIRouter()


@router.post("/incidents/{incident}/change")
async def changed(
    request: Request, context: ContextDep, session: SessionDep, form: FormDep, incident: IncidentPath
) -> Response:
    """Narrow the proposal that the form was made for."""
    if not form.get("digest", "").startswith("sha256:"):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This form is incomplete: reload the page and try again.")
    digest, now = ProposalDigest(form["digest"]), context.clock.now()
    async with context.store.transaction() as tx:
        body = (await proposal_by(tx, digest)).proposal.body
    if body.incident != incident:
        raise Problem(HTTPStatus.CONFLICT, "This change is about another incident: open that one to change it.")
    typed = _typed(form, body, now=now)
    wanted = wanted_of(body, typed, now=now)
    answer: object = wanted
    if not isinstance(wanted, NotNarrower):
        answer = await change(
            context.store, digest, person=session.person, wanted=wanted, channel=Channel.CONSOLE, now=now
        )
    if isinstance(answer, NotNarrower | Refused):
        status = STATUS[answer.refusal] if isinstance(answer, Refused) else HTTPStatus.UNPROCESSABLE_ENTITY
        attempt = Attempt(digest=digest, typed=typed, refused=answer if isinstance(answer, NotNarrower) else None)
        return await incident_page(
            request, context, session, IncidentId(incident), notice=answer.message, status=status, attempt=attempt
        )
    return RedirectResponse(f"/incidents/{incident}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/incidents/{incident}/change")
async def back(incident: IncidentPath, _: SessionDep) -> Response:
    """After a refusal the address is this one; reloading it leads back to the page."""
    return RedirectResponse(f"/incidents/{incident}", status_code=HTTPStatus.SEE_OTHER)


def _typed(form: Mapping[str, str], body: ProposalBody, *, now: datetime) -> dict[str, str | Sequence[str]]:
    """What was typed and ticked, by field. Each box is a field of its own: browsers send only those that are ticked."""
    found: dict[str, str | Sequence[str]] = {}
    for field in fields_of(body, now=now):
        if field.options:
            found[field.name] = [value for value, _ in field.options if f"{field.name}:{value}" in form]
        elif field.name in form:
            found[field.name] = form[field.name]
    return found
