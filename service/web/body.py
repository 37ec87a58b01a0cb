"""Reads request bodies without ever holding more than is allowed: raw, as JSON, as web forms."""

import json
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import ValidationError

from incidents.value import Value
from orchestrator.intake.errors import FieldError
from service.web.problems import Problem

ShapeT = TypeVar("ShapeT", bound=Value)

SMALL = 64 * 1024
"""Bytes of any body but a webhook's: a reason is a few sentences."""


async def read_bounded(request: Request, *, limit: int) -> bytes:
    """The body. Raises Problem 413 as soon as it is known to be larger than `limit` bytes, 415 for a compressed one."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity"}:
        raise _compressed(coding)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def too_large(limit: int) -> Problem:
    """The refusal of a body."""
    message = f"The body is larger than the {limit} bytes that are read: send less at once."
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code="too_large", headers={"Connection": "close"})


def _compressed(coding: str) -> Problem:
    """The refusal of a body that would have to be unpacked before its size is known (RFC 9110, 15.5.16)."""
    message = f"The body is sent as {coding[:40]!r}: send it as it is, without Content-Encoding."
    headers = {"Accept-Encoding": "identity", "Connection": "close"}
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message, code="encoded", headers=headers)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers post it; of a repeated field the last one counts. NUL is dropped."""
    body = await read_bounded(request, limit=SMALL)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=60)
    except ValueError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The form cannot be read: {error}") from None
    return {name: values[-1].replace("\x00", "") for name, values in fields.items()}


async def read_json(request: Request, shape: type[ShapeT]) -> ShapeT:
    """The body as a value of `shape`. Raises Problem 422 that names each field that is wrong."""
    body = await read_bounded(request, limit=SMALL)
    try:
        return shape.model_validate(json.loads(body or b"{}"))
    except ValidationError as error:
        fields = tuple(
            FieldError(field=".".join(map(str, e["loc"])) or "body", problem=e["msg"])
            for e in error.errors(include_url=False, include_input=False)
        )
        raise unprocessable(fields) from None
    except (ValueError, RecursionError) as error:
        raise unprocessable((FieldError(field="body", problem=f"is no JSON: {error}"),)) from None


def unprocessable(fields: tuple[FieldError, ...]) -> Problem:
    """The refusal of a body that was read and cannot be used."""
    message = "; ".join(f"{field.field}: {field.problem}" for field in fields[:5])
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, message, code="unprocessable", fields=fields)
