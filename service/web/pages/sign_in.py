"""Signing in with a token, or once with a link that Midwatch printed; and signing out."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from incidents.approval import Person
from orchestrator.store.once import use_once, was_used
from service.web.access import ContextDep, FormDep, local_path, sign_in, sign_out
from service.web.body import read_form
from service.web.context import WebContext
from service.web.identity import CODE_SECONDS
from service.web.rendering import pages_of

router = APIRouter()

NOT_DONE = "You were signed out, so what you sent was not done. Sign in, and do it again."


def door(
    request: Request,
    context: WebContext,
    *,
    next_path: str = "/",
    problem: str = "",
    code: str = "",
    holder: Person | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    """The page on which people sign in, with what went wrong before."""
    oidc = context.settings.oidc
    return pages_of(request).bare(
        request,
        "sign_in.html",
        status=status,
        next=local_path(next_path),
        problem=problem,
        code=code,
        holder=holder,
        provider=oidc.label if oidc.issuer else "",
        with_tokens=any(member.token_sha256 for member in context.identities.directory.members),
    )


@router.get("/sign-in")
async def form(
    request: Request,
    context: ContextDep,
    token: str = "",
    next: str = "/",  # noqa: A002 - the query's name
    lost: str = "",
) -> Response:
    """The form. A link's code is taken at once when the link was opened directly, else after a click."""
    if not token:
        return door(request, context, next_path=next, problem=NOT_DONE if lost else "")
    opened_directly = request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    if opened_directly and (person := await redeemed(context, token)):
        answer = RedirectResponse(local_path(next), status_code=HTTPStatus.SEE_OTHER)
        sign_in(answer, context, person)
        return answer
    holder = await _holder(context, token)
    problem = "" if holder else "This link was used already or is older than ten minutes. Sign in with your token."
    return door(request, context, next_path=next, problem=problem, code=token if holder else "", holder=holder)


@router.post("/sign-in")
async def begin(request: Request, context: ContextDep) -> Response:
    """Begin a session for a token or a code."""
    fields = await read_form(request)
    code, wanted = fields.get("code", ""), local_path(fields.get("next", "/"))
    person = await redeemed(context, code) if code else context.identities.by_token(fields.get("token", "").strip())
    if person is None:
        problem = "Nobody has this token. Tokens are in the settings under people."
        return door(request, context, next_path=wanted, problem=problem, status=HTTPStatus.UNAUTHORIZED)
    answer = RedirectResponse(wanted, status_code=HTTPStatus.SEE_OTHER)
    sign_in(answer, context, person)
    return answer


async def redeemed(context: WebContext, code: str) -> Person | None:
    """Who the code of a link signs in, once on all replicas together; None when it is forged, old, or was used."""
    link = context.identities.link(code)
    if link is None:
        return None
    now = datetime.now(UTC)  # like the code's own age: not the clock of incidents
    async with context.store.transaction() as tx:
        first = await use_once(tx, link.key, until=now + timedelta(seconds=CODE_SECONDS), now=now)
    return link.person if first else None


async def _holder(context: WebContext, code: str) -> Person | None:
    """Who a code would sign in, without using it up."""
    link = context.identities.link(code)
    if link is None:
        return None
    async with context.store.transaction() as tx:
        return None if await was_used(tx, link.key) else link.person


@router.post("/sign-out")
async def end(context: ContextDep, _: FormDep) -> Response:
    """End the session."""
    answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    sign_out(answer, context)
    return answer
