"""Alertmanager's v2 API as one application that can be served under any prefix."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from worlds.alertmanager.alert import Alert
from worlds.alertmanager.config import dump_config
from worlds.alertmanager.core import Alertmanager
from worlds.alertmanager.matchers import MatcherFormatError, parse_matcher
from worlds.alertmanager.routing import destinations
from worlds.alertmanager.silence import Silence, SilenceError, SilenceState, UnknownSilenceError
from worlds.alertmanager.webhook import Json
from worlds.alertmanager.wire import RequestError, read_alerts, read_silence
from worlds.instances import Bound, instance
from worlds.promql.labels import key_of
from worlds.promql.storage import Matcher, MatchOp, matches_all
from worlds.sources import plain_application

VERSION = "0.25.0"
_STATE_ORDER = (SilenceState.ACTIVE, SilenceState.PENDING, SilenceState.EXPIRED)


def app(alertmanager: Alertmanager, now: Callable[[], datetime]) -> ASGIApp:
    """Return the application: alerts, groups, silences, status, receivers, readiness."""
    return Bound(_shared(), _Api(alertmanager=alertmanager, now=now, started=now()))


@cache
def _shared() -> Starlette:
    handlers = (
        ("GET", "/api/v2/alerts", _Api.alerts),
        ("POST", "/api/v2/alerts", _Api.post_alerts),
        ("GET", "/api/v2/alerts/groups", _Api.groups),
        ("GET", "/api/v2/silences", _Api.silences),
        ("POST", "/api/v2/silences", _Api.post_silence),
        ("GET", "/api/v2/silence/{silence_id}", _Api.silence),
        ("DELETE", "/api/v2/silence/{silence_id}", _Api.expire_silence),
        ("GET", "/api/v2/status", _Api.status),
        ("GET", "/api/v2/receivers", _Api.receivers),
        ("GET", "/-/ready", _Api.ready),
        ("GET", "/-/healthy", _Api.ready),
    )
    return plain_application(Route(path, _reporting(handler), methods=[method]) for method, path, handler in handlers)


def _reporting(handler: Callable[["_Api", Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Ask the API that a request is for, and turn refusals into Alertmanager's error answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(instance(_Api, request), request)
        except RequestError as error:
            return JSONResponse(error.body, status_code=error.status)
        except (MatcherFormatError, SilenceError) as error:
            return JSONResponse(str(error), status_code=400)

    return answer


@dataclass(frozen=True, kw_only=True)
class _Filter:
    """The query parameters that alerts and groups have in common."""

    matchers: Sequence[Matcher]
    receiver: re.Pattern[str]
    active: bool
    silenced: bool
    inhibited: bool


@dataclass(frozen=True, kw_only=True)
class _Api:
    alertmanager: Alertmanager
    now: Callable[[], datetime]
    started: datetime

    async def alerts(self, request: Request) -> Response:
        wanted, now = _filter_of(request), self._now()
        known = sorted(self.alertmanager.alerts.values(), key=lambda one: one.fingerprint)
        shown = [self._alert(one, self._receivers(one, wanted), now) for one in known if self._passes(one, wanted, now)]
        return JSONResponse(shown)

    async def post_alerts(self, request: Request) -> Response:
        _only_json(request)
        now, timeout = self._now(), self.alertmanager.config.global_.resolve_timeout
        posted = [one.posted(now=now, resolve_timeout=timeout) for one in read_alerts(await request.body())]
        self.alertmanager.receive(posted, now=now)
        return Response(status_code=200)

    async def groups(self, request: Request) -> Response:
        wanted, now = _filter_of(request), self._now()
        shown: list[Json] = []
        for group in sorted(self.alertmanager.groups(), key=lambda one: (key_of(one.labels), one.destination.receiver)):
            receiver = group.destination.receiver
            members = [self.alertmanager.alerts[fingerprint] for fingerprint in sorted(group.alerts)]
            alerts = [self._alert(one, [receiver], now) for one in members if self._passes(one, wanted, now)]
            if alerts and wanted.receiver.fullmatch(receiver):
                shown.append({"alerts": alerts, "labels": group.labels, "receiver": {"name": receiver}})
        return JSONResponse(shown)

    async def silences(self, request: Request) -> Response:
        matchers, now = [parse_matcher(text) for text in request.query_params.getlist("filter")], self._now()
        found = [one for one in self.alertmanager.silences.all() if _covers(one, matchers)]
        found.sort(key=lambda one: (_STATE_ORDER.index(one.state(now)), one.ends_at))
        return JSONResponse([_silence(one, now) for one in found])

    async def post_silence(self, request: Request) -> Response:
        _only_json(request)
        silence = read_silence(await request.body()).request()
        try:
            silence_id = self.alertmanager.silences.put(silence, now=self._now())
        except UnknownSilenceError as error:
            raise RequestError(404, str(error)) from error
        return JSONResponse({"silenceID": silence_id})

    async def silence(self, request: Request) -> Response:
        silence_id = request.path_params["silence_id"]
        _check_id(silence_id)
        try:
            return JSONResponse(_silence(self.alertmanager.silences.get(silence_id), self._now()))
        except UnknownSilenceError:
            return Response(status_code=404)

    async def expire_silence(self, request: Request) -> Response:
        silence_id = request.path_params["silence_id"]
        _check_id(silence_id)
        try:
            self.alertmanager.silences.expire(silence_id, now=self._now())
        except UnknownSilenceError as error:
            raise RequestError(500, str(error)) from error  # 0.25 answers 500 and not 404
        return Response(status_code=200)

    async def status(self, _request: Request) -> Response:
        config = dump_config(self.alertmanager.config)
        return JSONResponse(
            {
                "cluster": {"peers": [], "status": "disabled"},
                "config": {"original": config},
                "uptime": _moment(self.started),
                "versionInfo": {
                    **dict.fromkeys(("branch", "buildDate", "buildUser", "revision"), ""),
                    "goVersion": "go1.19.8",
                    "version": VERSION,
                },
            }
        )

    async def receivers(self, _request: Request) -> Response:
        return JSONResponse([{"name": one.name} for one in self.alertmanager.config.receivers])

    async def ready(self, _request: Request) -> Response:
        return PlainTextResponse("OK")

    def _now(self) -> datetime:
        return self.now().astimezone(UTC)

    def _receivers(self, alert: Alert, wanted: _Filter) -> list[str]:
        found = (one.receiver for one in destinations(alert.labels, self.alertmanager.config.route))
        return [name for name in dict.fromkeys(found) if wanted.receiver.fullmatch(name)]

    def _passes(self, alert: Alert, wanted: _Filter, now: datetime) -> bool:
        if (
            alert.resolved_at(now)
            or not self._receivers(alert, wanted)
            or not matches_all(wanted.matchers, alert.labels)
        ):
            return False
        silenced = bool(self.alertmanager.silenced_by(alert, now=now))
        inhibited = bool(self.alertmanager.inhibited_by(alert, now=now))
        if not silenced and not inhibited:
            return wanted.active
        return (wanted.silenced or not silenced) and (wanted.inhibited or not inhibited)

    def _alert(self, alert: Alert, receivers: Sequence[str], now: datetime) -> Json:
        silenced = self.alertmanager.silenced_by(alert, now=now)
        inhibited = self.alertmanager.inhibited_by(alert, now=now)
        return {
            "annotations": dict(alert.annotations),
            "endsAt": _moment(alert.ends_at),
            "fingerprint": alert.fingerprint,
            "receivers": [{"name": name} for name in receivers],
            "startsAt": _moment(alert.starts_at),
            "status": {
                "inhibitedBy": inhibited,
                "silencedBy": silenced,
                "state": "suppressed" if silenced or inhibited else "active",
            },
            "updatedAt": _moment(alert.updated_at),
            **({"generatorURL": alert.generator_url} if alert.generator_url else {}),
            "labels": dict(alert.labels),
        }


def _filter_of(request: Request) -> _Filter:
    query = request.query_params
    pattern = query.get("receiver", ".*")
    try:
        receiver = re.compile(pattern)
    except re.error as error:
        raise RequestError(
            400, f"failed to parse receiver param: error parsing regexp: {error}: `^(?:{pattern})$`"
        ) from error
    return _Filter(
        matchers=[parse_matcher(text) for text in query.getlist("filter")],
        receiver=receiver,
        active=_flag(query.get("active")),
        silenced=_flag(query.get("silenced")),
        inhibited=_flag(query.get("inhibited")),
    )


def _flag(text: str | None) -> bool:
    """Read a boolean as go-openapi does: what it does not know is false."""
    return text is None or text.lower() in ("true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled")


def _only_json(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip()
    if given != "application/json":
        message = f'unsupported media type "{given}", only [application/json] are allowed'
        raise RequestError(415, {"code": 415, "message": message})


def _check_id(silence_id: str) -> None:
    try:
        UUID(silence_id)
    except ValueError as error:
        message = f'silenceID in path must be of type uuid: "{silence_id}"'
        raise RequestError(422, {"code": 601, "message": message}) from error


def _covers(silence: Silence, filters: Sequence[Matcher]) -> bool:
    """Compare filters with the values that the silence's matchers name (CheckSilenceMatchesFilterLabels)."""
    return matches_all(filters, {one.name: one.value for one in silence.matchers})


def _silence(one: Silence, now: datetime) -> Json:
    return {
        "id": one.id,
        "status": {"state": one.state(now).value},
        "updatedAt": _moment(one.updated_at),
        "comment": one.comment,
        "createdBy": one.created_by,
        "endsAt": _moment(one.ends_at),
        "matchers": [
            {
                "isEqual": matcher.op in (MatchOp.EQUAL, MatchOp.REGEX),
                "isRegex": matcher.op in (MatchOp.REGEX, MatchOp.NOT_REGEX),
                "name": matcher.name,
                "value": matcher.value,
            }
            for matcher in one.matchers
        ],
        "startsAt": _moment(one.starts_at),
    }


def _moment(moment: datetime) -> str:
    """Write a time as go-openapi does: always three digits of milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
