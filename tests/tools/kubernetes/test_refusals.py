"""What the API server refuses, as one of two kinds of error with its own words."""

from __future__ import annotations

import json

import pytest

from tools.errors import ConflictError, ForbiddenError, NotFoundError, PermanentError, TransientError
from tools.kubernetes.refusals import error_of

BUDGET = {
    "kind": "Status", "reason": "TooManyRequests", "code": 429,
    "message": "Cannot evict pod as it would violate the pod's disruption budget.",
    "details": {"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget app needs 1 healthy pods and has 1 currently"}]},
}  # fmt: skip


def status(message: str, reason: str = "", **details: object) -> dict[str, object]:
    return {"kind": "Status", "message": message, "reason": reason, "details": details}


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        pytest.param(401, status("Unauthorized"), ForbiddenError, "does not accept these credentials", id="bad credentials"),
        pytest.param(403, status('pods is forbidden: User "x" cannot list resource "pods"', "Forbidden"), ForbiddenError, 'User "x" cannot list', id="not allowed"),
        pytest.param(404, status('deployments.apps "x" not found', "NotFound"), NotFoundError, '"x" not found', id="not there"),
        pytest.param(409, status("the object has been modified", "Conflict"), ConflictError, "has been modified", id="a conflict"),
        pytest.param(410, status("The provided continue parameter is too old", "Expired"), TransientError, "expired while", id="an expired list"),
        pytest.param(422, status("the server rejected our request due to an error in our request", "Invalid"), ConflictError, "not as the patch expects", id="a JSON patch whose test fails"),
        pytest.param(422, status("Deployment is invalid: spec.replicas: must be >= 0", "Invalid"), PermanentError, "must be >= 0", id="an invalid object"),
        pytest.param(429, BUDGET, PermanentError, "needs 1 healthy pods", id="a disruption budget is final"),
        pytest.param(429, status("too many requests"), TransientError, "busy", id="a busy server is not"),
        pytest.param(500, status("etcdserver: request timed out"), TransientError, "request timed out", id="a failing server"),
        pytest.param(400, status("bad request"), PermanentError, "bad request", id="a bad request"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_of_two_kinds(code: int, body: dict[str, object], kind: type[Exception], words: str) -> None:
    error = error_of(code, {}, json.dumps(body).encode(), what="GET /x")
    assert type(error) is kind
    assert words in str(error)


def test_what_is_no_status_is_quoted() -> None:
    assert "gateway is sad" in str(error_of(502, {}, b"gateway is sad", what="GET /x"))


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [({"Retry-After": "7"}, {}, 7.0), ({}, {"retryAfterSeconds": 3}, 3.0), ({}, {}, None)],
)
def test_the_server_says_when_to_come_again(
    headers: dict[str, str], details: dict[str, object], seconds: float | None
) -> None:
    error = error_of(503, headers, json.dumps(status("overloaded", **details)).encode(), what="GET /x")
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


def test_secrets_in_a_refusal_are_not_passed_on() -> None:
    error = error_of(400, {}, json.dumps(status("password=hunter2hunter2 is wrong")).encode(), what="GET /x")
    assert "hunter2" not in str(error)
