"""What goes wrong on the way to an answer, as exceptions with a status; and the JSON in which machines are told."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import JSONResponse

from incidents.value import Value
from orchestrator.intake.errors import FieldError

RETRY_AFTER_SECONDS = 5
"""What is asked of clients when the database cannot be reached: an embedded one is back within a few seconds."""
MACHINE_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")


class Problem(Exception):  # noqa: N818 - it is what the client is told, and may be the client's own doing
    """An answer other than the one asked for. `message` is for people and says what to do."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        code: str = "",
        fields: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`code` is a word for machines; the status' own name when not given."""
        super().__init__(message)
        self.status, self.message = status, message
        self.code = code or status.name.lower()
        self.fields, self.headers = tuple(fields), dict(headers or {})


class SignInNeeded(Exception):  # noqa: N818 - reads as the state it reports
    """A page was asked for by nobody in particular: sign in first."""


class ProblemBody(Value):
    """The JSON body of every answer that is not a success."""

    error: str
    message: str
    fields: tuple[FieldError, ...] = ()


def json_problem(problem: Problem) -> JSONResponse:
    """The answer for machines."""
    body = ProblemBody(error=problem.code, message=problem.message, fields=problem.fields)
    return JSONResponse(body.model_dump(mode="json"), status_code=problem.status, headers=problem.headers)


def for_machines(request: Request) -> bool:
    """Whether whoever asks wants JSON."""
    return request.url.path.startswith(MACHINE_PATHS)


def unavailable() -> Problem:
    """The database cannot be reached."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database cannot be reached. Nothing was lost and nothing was changed: try again in a few seconds.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
