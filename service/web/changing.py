"""Narrowing a proposal over the JSON API, and what both doors of the web answer when it is refused."""

from http import HTTPStatus

from fastapi import APIRouter, Request

from incidents.approval import Channel, Refused
from incidents.ids import ProposalDigest
from incidents.narrowing import NotNarrower, Wanted
from orchestrator.changing import Changed, change
from orchestrator.intake.errors import FieldError
from service.web.access import ContextDep, DigestPath, PersonDep
from service.web.api import refusal
from service.web.body import read_json
from service.web.description import takes
from service.web.problems import Problem

router = APIRouter(prefix="/api/v1")


@router.post("/proposals/{digest}/change", status_code=HTTPStatus.ACCEPTED, openapi_extra=takes(Wanted))
async def changed(request: Request, context: ContextDep, person: PersonDep, digest: DigestPath) -> Changed:
    """Narrow it. It takes no decisions from here on; the narrower one follows as a proposal of its own."""
    wanted = await read_json(request, Wanted)
    answer = await change(
        context.store,
        ProposalDigest(digest),
        person=person,
        wanted=wanted,
        channel=Channel.API,
        now=context.clock.now(),
    )
    return taken_up(answer)


def taken_up(answer: Changed | Refused | NotNarrower) -> Changed:
    """The answer, when it is one. Raises Problem for a refusal; 422 that names every field that is not narrower."""
    if isinstance(answer, Refused):
        raise refusal(answer)
    if isinstance(answer, NotNarrower):
        raise not_narrower(answer)
    return answer


def not_narrower(refused: NotNarrower) -> Problem:
    """Why a proposal cannot be changed so."""
    fields = tuple(FieldError(field=one.field or "body", problem=one.why) for one in refused.problems)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, refused.message, code="not_narrower", fields=fields)
