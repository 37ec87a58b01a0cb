"""What the API server refuses, in the two kinds of error: read from its Status objects. Pure."""

import json
from collections.abc import Mapping

from tools.errors import ConflictError, ForbiddenError, NotFoundError, PermanentError, ToolError, TransientError
from tools.kubernetes.document import Document
from tools.kubernetes.secrecy import without_secrets

MAX_MESSAGE = 500
_SERVER = 500
_PATCH_FAILED = "the server rejected our request due to an error in our request"
"""All that the API server says when a JSON patch does not apply: a `test` does not hold, a path is not there."""


def error_of(status: int, headers: Mapping[str, str], body: bytes, *, what: str) -> ToolError:
    """The error of a refused call, with the server's own words."""
    answer = _status(body)
    said = without_secrets(_words(answer, body))[:MAX_MESSAGE]
    later = _retry_after(headers, answer)
    error: ToolError
    match status:
        case 401:
            error = ForbiddenError(f"the Kubernetes API does not accept these credentials: {said}")
        case 403:
            error = ForbiddenError(f"the Kubernetes API forbids it: {said}")
        case 404:
            error = NotFoundError(f"the Kubernetes API has no such thing: {said}")
        case 409:
            error = ConflictError(f"the object changed or exists: {said}")
        case 410:
            error = TransientError(f"the list expired while it was read: {said}")
        case 422 if _PATCH_FAILED in said:
            error = ConflictError(f"the object is not as the patch expects it: {what}")
        case 429 if budget := disruption_budget(answer, said):
            error = PermanentError(budget)
        case 408 | 429:
            error = TransientError(f"the Kubernetes API is busy: {said}", retry_after=later)
        case _ if status >= _SERVER:
            error = TransientError(f"the Kubernetes API failed at {what} ({status}): {said}", retry_after=later)
        case _:
            error = PermanentError(f"the Kubernetes API refused {what} ({status}): {said}")
    return error


def disruption_budget(answer: Document, said: str) -> str | None:
    """The sentence for an eviction that a disruption budget refuses; None when it is refused for another reason."""
    causes = [cause for cause in answer.items("details", "causes") if cause.word("reason") == "DisruptionBudget"]
    if not causes and "disruption budget" not in said:
        return None
    detail = causes[0].word("message") if causes else said
    return f"a PodDisruptionBudget refuses the eviction: {detail}"


def _status(body: bytes) -> Document:
    try:
        return Document(json.loads(body))
    except ValueError:
        return Document()


def _words(answer: Document, body: bytes) -> str:
    causes = "; ".join(cause.word("message") for cause in answer.items("details", "causes"))
    message = answer.word("message")
    if message and causes and causes not in message:
        return f"{message} ({causes})"
    return message or body.decode(errors="replace").strip() or "no reason given"


def _retry_after(headers: Mapping[str, str], answer: Document) -> float | None:
    text = headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    seconds = answer.whole("details", "retryAfterSeconds")
    return float(seconds) if seconds is not None else None
