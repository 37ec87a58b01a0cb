"""The door for alerts: authenticate, bound, take in, and answer 200 only after the commit (invariant 1)."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from orchestrator.intake.errors import Malformed, Overloaded, TooLarge
from orchestrator.intake.take_in import Receipt, take_in
from service.web.access import ContextDep, check_webhook
from service.web.body import read_bounded, unprocessable
from service.web.context import WebContext
from service.web.problems import Problem

router = APIRouter()

ANY_OBJECT = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
"""A notification, version 4 of Alertmanager's webhook: what is not understood is told field by field."""

OVERLOAD_RETRY_SECONDS = 2.0
"""A delivery takes milliseconds; what is waiting is gone by then."""


class Gate:
    """Lets a bounded number of deliveries in at a time. More are told to come back, before their bodies are read."""

    def __init__(self, places: int) -> None:
        """`places` is how many may be inside at the same time."""
        self._free = places

    def __enter__(self) -> None:
        if self._free < 1:
            raise Overloaded(retry_after=OVERLOAD_RETRY_SECONDS)
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1


@router.post("/api/v1/alerts/alertmanager", responses={HTTPStatus.OK: {"model": Receipt}}, openapi_extra=ANY_OBJECT)
async def receive(request: Request, context: ContextDep) -> Response:
    """Take a notification of Alertmanager in. The receipt says what became of its alerts."""
    check_webhook(request.headers.get("authorization", ""), context.settings.webhook)
    gate: Gate = request.app.state.gate
    try:
        with gate:
            receipt = await _take(request, context)
    except Malformed as error:
        raise unprocessable(error.errors) from None
    except TooLarge as error:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error), code="too_large") from None
    except Overloaded as error:
        headers = {"Retry-After": f"{error.retry_after:.0f}"}
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), code="overloaded", headers=headers) from None
    return Response(receipt.model_dump_json(), media_type="application/json")


async def _take(request: Request, context: WebContext) -> Receipt:
    body = await read_bounded(request, limit=context.settings.webhook.max_bytes)
    return await take_in(context.store, body, settings=context.settings, now=context.clock.now())
