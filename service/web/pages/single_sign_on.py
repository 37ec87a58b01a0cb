"""Signing in with the identity provider: out with a signed flow, back with a code, once."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from orchestrator.store.once import use_once
from service.web.access import ContextDep, local_path, set_session, with_https
from service.web.context import WebContext
from service.web.oidc import Flow, Provider, SignInError
from service.web.pages.sign_in import door
from service.web.problems import Problem
from service.web.rendering import pages_of

router = APIRouter()

FLOW_SECONDS = 600
"""How long somebody may take at the provider."""
PATH = "/sign-in/oidc"


@router.get(PATH)
async def begin(request: Request, context: ContextDep, next: str = "/") -> Response:  # noqa: A002 - the query's name
    """Send the browser to the provider."""
    provider = _provider(context)
    try:
        url, flow = await provider.begin(next_path=local_path(next))
    except SignInError as error:
        return door(request, context, next_path=next, problem=str(error), status=HTTPStatus.BAD_GATEWAY)
    answer = RedirectResponse(url, status_code=HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        _cookie(context),
        _signer(context).dumps(flow.model_dump()),
        max_age=FLOW_SECONDS,
        path=PATH,
        httponly=True,
        samesite="lax",  # the provider's redirect is a navigation from another site
        secure=with_https(context),
    )
    return answer


@router.get(f"{PATH}/callback")
async def callback(request: Request, context: ContextDep) -> Response:
    """Take the browser back: only with its own flow, only once, only for somebody whom the directory knows."""
    provider = _provider(context)
    try:
        flow = await _flow(request, context)
        claims = await provider.finish(flow, dict(request.query_params))
    except SignInError as error:
        return _forgotten(door(request, context, problem=str(error), status=HTTPStatus.FORBIDDEN), context)
    cookie = context.identities.cookie_for(claims)
    if cookie is None:
        why = "no verified e-mail address" if not claims.email else f"{claims.email} is not in its directory of people"
        message = f"You are signed in with the identity provider, but not to Midwatch: {why}."
        return _forgotten(door(request, context, problem=message, status=HTTPStatus.FORBIDDEN), context)
    # A redirect would still be part of the navigation from the provider's site, and the session's cookie is strict.
    answer = pages_of(request).bare(request, "signed_in.html", next=flow.next)
    set_session(answer, context, cookie)
    return _forgotten(answer, context)


async def _flow(request: Request, context: WebContext) -> Flow:
    """The flow of this browser, used up by reading it. Raises SignInError."""
    try:
        given = _signer(context).loads(request.cookies.get(_cookie(context), ""), max_age=FLOW_SECONDS)
        flow = Flow.model_validate(given)
    except (BadSignature, ValueError):
        raise SignInError("This browser has not begun to sign in, or took longer than ten minutes.") from None
    now = datetime.now(UTC)  # like the flow's own age: what ends here is the browser's attempt, not an incident's time
    async with context.store.transaction() as tx:
        if not await use_once(tx, f"oidc:{flow.state}", until=now + timedelta(seconds=FLOW_SECONDS), now=now):
            raise SignInError("This attempt to sign in was used already: start again.")
    return flow


def _provider(context: WebContext) -> Provider:
    if context.provider is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, "There is no identity provider: set MIDWATCH_OIDC__ISSUER (docs/policy.md)."
        )
    return context.provider


def _forgotten(answer: Response, context: WebContext) -> Response:
    answer.delete_cookie(_cookie(context), path=PATH, httponly=True, samesite="lax", secure=with_https(context))
    return answer


def _cookie(context: WebContext) -> str:
    return "__Secure-midwatch-flow" if with_https(context) else "midwatch-flow"


def _signer(context: WebContext) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(context.identities.secret, salt="midwatch-oidc")
