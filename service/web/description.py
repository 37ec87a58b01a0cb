"""The OpenAPI description of the JSON API, made true: bodies that routes read themselves, who may ask, how it refuses.

Routes read their bodies bounded (`service.web.body`), so the framework does not know their shapes: a route says what it
takes by `openapi_extra=takes(Shape)`. A test walks the description and holds the running API against it.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from incidents.value import Value
from service.web.problems import ProblemBody

Json = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
ABOUT = "Everything that people see and decide in Midwatch's console, with the same rules. Times are UTC."
READS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
WRITES = (
    *READS,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.CONFLICT,
    HTTPStatus.GONE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
)
PERSON: list[Json] = [{"person": []}]
ALERTMANAGER: list[Json] = [{"webhookToken": []}, {"webhookUser": []}]
SCHEMES = {
    "person": {"type": "http", "scheme": "bearer", "description": "A person's token: every act is theirs."},
    "webhookToken": {"type": "http", "scheme": "bearer", "description": "A token of the setting webhook."},
    "webhookUser": {"type": "http", "scheme": "basic", "description": "A user of the setting webhook."},
}
ALERTS = "/api/v1/alerts/"

_shapes: dict[str, type[Value]] = {}
"""Bodies that routes take, by the name of their schema."""


def takes(shape: type[Value]) -> Json:
    """What a route says of the body that it reads by itself."""
    _shapes[shape.__name__] = shape
    schema = {"$ref": REFERENCE.format(model=shape.__name__)}
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI) -> Json:
    """The whole description; made once for each application."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes, description=ABOUT)
        schemas: Json = made.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        shapes = [(shape, "validation") for shape in (*_shapes.values(), ProblemBody)]
        _, defined = models_json_schema(shapes, ref_template=REFERENCE)  # type: ignore[arg-type] # a literal in a tuple
        schemas |= {name: schema for name, schema in defined["$defs"].items() if name not in schemas}
        made["components"]["securitySchemes"] = SCHEMES
        for path, method, operation in _operations(made):
            _complete(operation, path=path, method=method)
        app.openapi_schema = made
    return app.openapi_schema


def _operations(description: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete(operation: Json, *, path: str, method: str) -> None:
    """How it is refused, and who may ask."""
    if not path.startswith("/api/"):
        operation["security"] = []
        _refused(operation, (HTTPStatus.SERVICE_UNAVAILABLE,))
        return
    operation["security"] = ALERTMANAGER if path.startswith(ALERTS) else PERSON
    _refused(operation, READS if method == "get" else WRITES)


def _refused(operation: Json, statuses: tuple[HTTPStatus, ...]) -> None:
    schema = {"$ref": REFERENCE.format(model=ProblemBody.__name__)}
    for status in statuses:
        operation["responses"][str(status.value)] = {
            "description": status.phrase,
            "content": {"application/json": {"schema": schema}},
        }
