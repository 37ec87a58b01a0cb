"""Who may come in: bearer tokens for the API, sessions for pages, and what Alertmanager sends for the webhook."""

import base64
import binascii
import hmac
from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Path, Request, Response

from incidents.approval import Person
from orchestrator.settings import Webhook
from service.web.body import read_form
from service.web.context import WebContext
from service.web.identity import SESSION_SECONDS, Session
from service.web.problems import Problem, SignInNeeded

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="midwatch"'}


def context_of(request: Request) -> WebContext:
    """What the process gave to the application."""
    context: WebContext = request.app.state.context
    return context


ContextDep = Annotated[WebContext, Depends(context_of)]


def api_person(request: Request, context: ContextDep) -> Person:
    """The person whose token the request carries. Raises Problem 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    person = context.identities.by_token(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
    if person is None:
        message = "Send the header 'Authorization: Bearer <token>' with a token from the setting people."
        raise Problem(HTTPStatus.UNAUTHORIZED, message, headers=CHALLENGE)
    return person


def page_session(request: Request, context: ContextDep) -> Session:
    """The session that the cookie stands for. Raises SignInNeeded."""
    session = context.identities.session(request.cookies.get(cookie_name(context), ""))
    if session is None:
        raise SignInNeeded
    return session


IncidentPath = Annotated[str, Path(pattern=r"^inc-[a-z0-9]{1,40}$")]
EvidencePath = Annotated[str, Path(pattern=r"^ev-[0-9a-f]{1,64}$")]
DigestPath = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{1,64}$")]
"""Ids as they stand in addresses: nothing else is looked up."""
PersonDep = Annotated[Person, Depends(api_person)]
SessionDep = Annotated[Session, Depends(page_session)]


async def posted_form(request: Request, session: SessionDep) -> dict[str, str]:
    """The fields of a form of this session. Raises Problem 403 when it does not carry the session's own token."""
    form = await read_form(request)
    if not hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode()):
        raise Problem(
            HTTPStatus.FORBIDDEN, "This form is from another session: reload the page and try again.", code="csrf"
        )
    return form


FormDep = Annotated[dict[str, str], Depends(posted_form)]


def cookie_name(context: WebContext) -> str:
    """Over HTTPS the name itself forbids other hosts and paths to set it."""
    return "__Host-midwatch" if with_https(context) else "midwatch"


def sign_in(response: Response, context: WebContext, person: Person) -> None:
    """Begin a session."""
    set_session(response, context, context.identities.cookie(person))


def set_session(response: Response, context: WebContext, cookie: str) -> None:
    """Begin the session of a fresh cookie. Whatever session the browser had before is over."""
    response.set_cookie(
        cookie_name(context),
        cookie,
        max_age=SESSION_SECONDS,
        path="/",
        httponly=True,
        samesite="strict",
        secure=with_https(context),
    )


def sign_out(response: Response, context: WebContext) -> None:
    """End it."""
    response.delete_cookie(cookie_name(context), path="/", httponly=True, samesite="strict", secure=with_https(context))


def sign_in_url(request: Request) -> str:
    """Where to sign in, and come back from: to the page that was asked for, that is open, or that the form is on."""
    if "hx-request" in request.headers:
        return _door(_page(request, request.headers.get("hx-current-url", "")))
    if request.method == "GET":
        return _door(page_asked_for(request))
    return _door(_page(request, request.headers.get("referer", "")), lost=request.url.path != "/sign-out")


def comes_from_elsewhere(request: Request) -> bool:
    """Whether a link of another site led here: browsers keep the session's cookie back from that first request."""
    led = request.headers.get("sec-fetch-site") == "cross-site" and request.headers.get("sec-fetch-mode") == "navigate"
    return led and request.method == "GET"


def page_asked_for(request: Request) -> str:
    """Its path and query."""
    return _page(request, str(request.url))


def _page(request: Request, address: str) -> str:
    """The path of a page of ours; the list for any other address."""
    parts = urlsplit(address)
    wanted = parts.path + (f"?{parts.query}" if parts.query else "")
    return local_path(wanted) if parts.netloc == request.url.netloc else "/"


def _door(wanted: str, *, lost: bool = False) -> str:
    """The address of the door; `lost` when what was sent was not done."""
    given = ({"next": wanted} if wanted != "/" else {}) | ({"lost": "1"} if lost else {})
    return f"/sign-in?{urlencode(given, safe='/')}" if given else "/sign-in"


def local_path(wanted: str) -> str:
    """The path to go on to after signing in; nothing that leads to another host."""
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\\" not in wanted
    return wanted if local and wanted.isprintable() else "/"


def check_webhook(authorization: str, accepted: Webhook) -> None:
    """Whether the webhook's sender may deliver. Raises Problem 401 that says what is missing where."""
    scheme, _, sent = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            known = [token.get_secret_value() for token in accepted.tokens]
        case "basic":
            known = [f"{user.username}:{user.password.get_secret_value()}" for user in accepted.users]
            sent = _decoded(sent)
        case _:
            known, sent = [], ""
    if not _among(sent.strip(), known):
        raise Problem(HTTPStatus.UNAUTHORIZED, _advice(scheme, accepted), headers=_challenge(accepted))


def _challenge(accepted: Webhook) -> dict[str, str]:
    basic = ', Basic realm="midwatch", charset="UTF-8"' if accepted.users else ""
    return {"WWW-Authenticate": CHALLENGE["WWW-Authenticate"] + basic}


def _advice(scheme: str, accepted: Webhook) -> str:
    if not accepted.tokens and not accepted.users:
        return "Nobody may deliver alerts yet: set MIDWATCH_WEBHOOK__TOKENS (or webhook.tokens in midwatch.yaml)."
    if not scheme:
        return "Send credentials: set http_config.authorization (or basic_auth) in Alertmanager's webhook_configs."
    return "These credentials are not known here: compare Alertmanager's http_config with the setting webhook."


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _among(sent: str, known: Iterable[str]) -> bool:
    """Compare with all of them, in time that does not depend on which matches."""
    matches = [hmac.compare_digest(one.encode(), sent.encode()) for one in known]
    return bool(sent) and any(matches)


def with_https(context: WebContext) -> bool:
    """Whether people come by HTTPS: then cookies are kept to it."""
    return context.base_url.startswith("https://")
