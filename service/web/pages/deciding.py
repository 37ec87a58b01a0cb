"""Deciding on the page: approve, reject with a reason, pause and resume. Judged and committed before the answer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from incidents.approval import Channel, Choice, Refused
from incidents.ids import IncidentId, ProposalDigest
from incidents.rejection import Hold, Wish
from orchestrator.decisions import decide, set_paused
from orchestrator.store.errors import UnknownError
from orchestrator.store.proposals import proposal_by
from service.web.access import ContextDep, DigestPath, FormDep, IncidentPath, SessionDep, local_path
from service.web.api import STATUS, lift_for, refusal
from service.web.context import WebContext
from service.web.pages.incident import incident_page
from service.web.problems import Problem

router = APIRouter()

MOST_HOURS = 168
"""A pause that is to last longer than a week is one that somebody ends."""


@router.post("/incidents/{incident}/decision")
async def decision(
    request: Request, context: ContextDep, session: SessionDep, form: FormDep, incident: IncidentPath
) -> Response:
    """Decide. A refusal is shown to the person who clicked, on the page as it is now."""
    if form.get("choice") not in set(Choice) or not form.get("digest", "").startswith("sha256:"):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This form is incomplete: reload the page and try again.")
    digest = ProposalDigest(form["digest"])
    if await _is_of_another(context, digest, IncidentId(incident)):
        raise Problem(HTTPStatus.CONFLICT, "This decision is about another incident: open that one to decide.")
    answer = await decide(
        context.store,
        digest,
        person=session.person,
        choice=Choice(form["choice"]),
        reason=form.get("reason", "").strip(),
        channel=Channel.CONSOLE,
        now=context.clock.now(),
        wish=_wish(form),
    )
    if isinstance(answer, Refused):
        status = STATUS[answer.refusal]
        return await incident_page(
            request, context, session, IncidentId(incident), notice=answer.message, status=status
        )
    return RedirectResponse(f"/incidents/{incident}", status_code=HTTPStatus.SEE_OTHER)


async def _is_of_another(context: WebContext, digest: ProposalDigest, incident: IncidentId) -> bool:
    """Whether what is decided is not what the page shows: people decide what they see."""
    try:
        async with context.store.transaction() as tx:
            return (await proposal_by(tx, digest)).proposal.body.incident != incident
    except UnknownError:
        return False  # Refused, and recorded, where decisions are judged.


@router.get("/incidents/{incident}/decision")
async def back(incident: IncidentPath, _: SessionDep) -> Response:
    """After a refusal the address is this one; reloading it leads back to the page."""
    return RedirectResponse(f"/incidents/{incident}", status_code=HTTPStatus.SEE_OTHER)


def _wish(form: Mapping[str, str]) -> Wish:
    """What whoever rejects wants of later proposals."""
    hold = form.get("hold", "")
    return Wish(hold=Hold(hold) if hold in set(Hold) else Wish().hold, another=form.get("another") == "yes")


@router.post("/incidents/{incident}/rejections/{digest}/lift")
async def lift(
    context: ContextDep, session: SessionDep, form: FormDep, incident: IncidentPath, digest: DigestPath
) -> Response:
    """Let what was rejected be proposed again."""
    await lift_for(context, ProposalDigest(digest), person=session.person, because=form.get("reason", "").strip())
    return RedirectResponse(f"/incidents/{incident}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/control")
async def control(context: ContextDep, session: SessionDep, form: FormDep) -> Response:
    """The kill switch."""
    paused = form.get("switch") == "pause"
    reason, hours = form.get("reason", "").strip(), form.get("hours", "")
    answer = await set_paused(
        context.store,
        paused=paused,
        person=session.person,
        reason=reason,
        now=context.clock.now(),
        until=_end(context.clock.now(), hours),
    )
    if isinstance(answer, Refused):
        raise refusal(answer)
    return RedirectResponse(local_path(form.get("next", "/")), status_code=HTTPStatus.SEE_OTHER)


def _end(now: datetime, hours: str) -> datetime | None:
    """When a pause ends by itself, for what the form's field says."""
    chosen = int(hours) if hours.isdecimal() and len(hours) <= len(str(MOST_HOURS)) else 0
    return now + timedelta(hours=chosen) if 0 < chosen <= MOST_HOURS else None
