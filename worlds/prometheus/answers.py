"""The envelope of Prometheus' HTTP API: `{"status": "success", "data": ...}`, errors with type and status code."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from worlds.promql.errors import ExecutionError, ParseError
from worlds.written import JsonAnswer

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class ErrorType(StrEnum):
    """The words of the field `errorType` (web/api/v1/api.go)."""

    BAD_DATA = "bad_data"
    """A parameter is missing or malformed: 400."""
    EXECUTION = "execution"
    """The query is valid but failed: 422."""
    NOT_FOUND = "not_found"
    """There is no such thing: 404."""


_STATUS_CODES = {ErrorType.BAD_DATA: 400, ErrorType.EXECUTION: 422, ErrorType.NOT_FOUND: 404}


class ApiError(Exception):
    """The request cannot be answered; the client gets type and message."""

    def __init__(self, kind: ErrorType, message: str) -> None:
        super().__init__(message)
        self.kind = kind


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
"""Reads its parameters from the request by itself."""


def answering(handler: Handler) -> Handler:
    """Turn our errors into Prometheus' error answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return _failure(error.kind, str(error))
        except ParseError as error:
            return _failure(ErrorType.BAD_DATA, f'invalid parameter "query": {error}')
        except ExecutionError as error:
            return _failure(ErrorType.EXECUTION, str(error))

    return answer


class Parameters:
    """The parameters of a request, from the URL and, for POST, from the urlencoded body as well."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs

    def all(self, name: str) -> list[str]:
        """Return every value of a repeated parameter."""
        return [value for key, value in self._pairs if key == name]

    def first(self, name: str) -> str:
        """Return the first value, or ""."""
        return next(iter(self.all(name)), "")


async def parameters_of(request: Request) -> Parameters:
    """Read a request's parameters; the body's come first, as in Go's Request.Form."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        body = (await request.body()).decode("utf-8", errors="replace")
        pairs = [*parse_qsl(body, keep_blank_values=True), *pairs]
    return Parameters(pairs)


def success(data: Json) -> JsonAnswer:
    """Answer with data."""
    return JsonAnswer({"status": "success", "data": data})


def _failure(kind: ErrorType, message: str) -> JsonAnswer:
    body = {"status": "error", "errorType": kind.value, "error": message}
    return JsonAnswer(body, status_code=_STATUS_CODES[kind])
