"""Status objects and errors in the API server's words (k8s.io/apimachinery/pkg/api/errors)."""

from starlette.responses import JSONResponse

from worlds.objects.kinds import JsonObject, Kind


class ApiError(Exception):
    """A request is refused. `reason` and `message` are those of a real API server."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: JsonObject | None = None, retry: int | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.retry = code, reason, message, retry
        self.details = details or {}

    def response(self) -> JSONResponse:
        """Return the answer for it."""
        headers = {"Retry-After": str(self.retry)} if self.retry is not None else None
        return JSONResponse(self.status(), status_code=self.code, headers=headers)

    def status(self) -> JsonObject:
        """Return the Status object."""
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        return body | {"reason": self.reason, "details": self.details, "code": self.code}


def _details(kind: Kind, name: str) -> JsonObject:
    return {"name": name, "kind": kind.plural} | ({"group": kind.group} if kind.group else {})


def not_found(kind: Kind, name: str) -> ApiError:
    """No such object."""
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', details=_details(kind, name))


def no_such_path() -> ApiError:
    """No such resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """The object is not what the request expects."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=_details(kind, name))


def modified(kind: Kind, name: str) -> ApiError:
    """The resource version is not the latest."""
    return conflict(
        kind, name, "the object has been modified; please apply your changes to the latest version and try again"
    )


def already_exists(kind: Kind, name: str) -> ApiError:
    """The name is taken."""
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', details=_details(kind, name))


def invalid(kind: Kind, name: str, causes: list[tuple[str, str]]) -> ApiError:
    """Fields have values that they cannot have. `causes` are (field, message)."""
    listed = [f"{field}: {message}" for field, message in causes]
    text = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
    details = _details(kind, name) | {
        "causes": [{"reason": "FieldValueInvalid", "message": m, "field": f} for f, m in causes]
    }
    group = f".{kind.group}" if kind.group else ""
    return ApiError(422, "Invalid", f'{kind.kind}{group} "{name}" is invalid: {text}', details=details)


def forbidden(kind_resource: str, name: str, message: str, *, group: str = "") -> ApiError:
    """Not allowed, by RBAC or by admission."""
    details = {"name": name, "kind": kind_resource.partition(".")[0]} | ({"group": group} if group else {})
    return ApiError(403, "Forbidden", message, details=details)


def bad_request(message: str) -> ApiError:
    """The request cannot be read."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """No valid token."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def expired(version: str) -> ApiError:
    """The resource version lies too far back."""
    return ApiError(410, "Expired", f"too old resource version: {version}")
