"""The Kubernetes API server of a world as an ASGI application."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import yaml
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from worlds.cluster.core import Cluster
from worlds.kubernetes import access, discovery, reads
from worlds.kubernetes.answers import ApiError, bad_request, no_such_path, unauthorized
from worlds.kubernetes.logs import LogQuery
from worlds.kubernetes.routes import Target, read_path
from worlds.kubernetes.watching import Watching
from worlds.kubernetes.writes import WriteOptions, Writer
from worlds.objects.kinds import JsonObject
from worlds.objects.patches import APPLY
from worlds.written import JsonAnswer

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_REVIEWS = {"selfsubjectaccessreviews": access.access_review, "selfsubjectrulesreviews": access.rules_review}


class PodLogs(Protocol):
    """Where container logs come from."""

    def read(self, target: Target, query: LogQuery) -> str:
        """Return the log of a container. Raises ApiError 400 or 404."""
        ...


class ApiServer:
    """Authenticates, authorises, routes."""

    def __init__(
        self, cluster: Cluster, *, identities: tuple[access.Identity, ...], logs: PodLogs, version: str
    ) -> None:
        self._cluster = cluster
        self._identities = identities
        self._logs = logs
        self._version = version
        self._writer = Writer(cluster)
        self.watching = Watching(cluster.store)

    def app(self) -> Router:
        """Return the application. Mount it anywhere: paths are read relative to the mount."""
        return Router([Route("/{path:path}", self._serve, methods=_METHODS)])

    async def _serve(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except ApiError as error:
            return error.response()

    async def _answer(self, request: Request) -> Response:
        path = "/" + request.path_params["path"].rstrip("/")
        if path in {"/healthz", "/livez", "/readyz"}:
            return PlainTextResponse("ok")
        if path == "/version":
            return JsonAnswer(discovery.version(self._version))
        identity = access.identify(self._identities, request.headers.get("authorization", ""))
        if identity is None:
            raise unauthorized()
        described = _describe(path) if request.method == "GET" else None
        if described is not None:
            return JsonAnswer(described)
        review = _REVIEWS.get(path.rpartition("/")[2]) if path.startswith("/apis/authorization.k8s.io/v1/") else None
        if review is not None and request.method == "POST":
            return JsonAnswer(review(identity, await _body(request)), status_code=201)
        target = read_path(path)
        parameters = dict(request.query_params)
        verb = _verb(request.method, target, parameters)
        access.check(
            identity,
            group=target.kind.group,
            resource=target.resource,
            verb=verb,
            name=target.name,
            namespace=target.namespace,
        )
        return await self._dispatch(request, target, verb, parameters)

    async def _dispatch(self, request: Request, target: Target, verb: str, parameters: Mapping[str, str]) -> Response:
        match verb:
            case "watch":
                return StreamingResponse(self.watching.stream(target, parameters), media_type="application/json")
            case "list":
                return JsonAnswer(reads.list_objects(self._cluster.store, target, parameters))
            case "get":
                return self._get(target, parameters)
            case _:
                return await self._write(request, target, verb, parameters)

    def _get(self, target: Target, parameters: Mapping[str, str]) -> Response:
        if target.subresource == "log":
            return PlainTextResponse(self._logs.read(target, LogQuery.parse(parameters)))
        if target.subresource == "scale":
            return JsonAnswer(self._writer.scale(target))
        return JsonAnswer(reads.get(self._cluster.store, target))

    async def _write(self, request: Request, target: Target, verb: str, parameters: Mapping[str, str]) -> Response:
        options = WriteOptions.read(parameters, request.headers.get("user-agent", ""))
        content_type = request.headers.get("content-type", "").partition(";")[0].strip()
        body = await _body(request, content_type=content_type)
        if not isinstance(body, dict) and verb != "patch":
            raise bad_request("the body must be a JSON object")
        writer, code = self._writer, 200
        match verb:
            case "create" if target.subresource == "eviction":
                answer, code = writer.evict(target, body, options), 201
            case "create":
                answer, code = writer.create(target, body, options), 201
            case "update":
                answer = writer.put(target, body, options)
            case "patch":
                answer = writer.patch(target, body, content_type, options)
            case "delete":
                answer = writer.delete(target, body, parameters, options)
            case _:
                raise ApiError(
                    405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
                )
        self._cluster.settle()
        return JsonAnswer(answer, status_code=code)


def _describe(path: str) -> JsonObject | None:
    """Answer discovery paths; None for all others."""
    parts = [part for part in path.split("/") if part]
    answers: dict[tuple[str, int], Callable[[], JsonObject | None]] = {
        ("api", 1): discovery.core_versions,
        ("apis", 1): discovery.group_list,
        ("api", 2): lambda: discovery.resource_list(group_name="", version_name=parts[1]),
        ("apis", 2): lambda: discovery.group(parts[1]),
        ("apis", 3): lambda: discovery.resource_list(group_name=parts[1], version_name=parts[2]),
    }
    answer = answers.get((parts[0], len(parts))) if parts else None
    if answer is None:
        return None
    described = answer()
    if described is None:
        raise no_such_path()
    return described


def _verb(method: str, target: Target, parameters: Mapping[str, str]) -> str:  # noqa: PLR0911 - one per method
    match method:
        case "GET" if target.name:
            return "get"
        case "GET":
            return "watch" if parameters.get("watch") in {"true", "1", "True"} else "list"
        case "POST":
            return "create"
        case "PUT":
            return "update"
        case "PATCH":
            return "patch"
        case "DELETE" if target.name:
            return "delete"
        case _:
            return "deletecollection"


async def _body(request: Request, *, content_type: str = "") -> Any:
    raw = await request.body()
    if not raw:
        return {}
    try:
        return yaml.safe_load(raw) if content_type == APPLY else json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the object provided is unrecognized (must be of type JSON): {error}") from error
