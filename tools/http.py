"""How clients speak HTTP: one host, time-outs, bounded answers, retries of reads, and errors in our two kinds.

A client is given one base URL and can reach nothing else: paths are joined to it, a redirect is followed for reads only
and only within the same origin. Writes are sent once. Nothing here knows what any system's answers mean.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import httpx

from incidents.canonical import Json
from incidents.redaction import redact
from tools.address import GuardedTransport, by_proxy, judged, objection_to_url
from tools.errors import ConflictError, ForbiddenError, NotFoundError, PermanentError, ToolError, TransientError
from tools.estate import Endpoint
from tools.trust import Untrusting, tls_advice, trust_of
from tools.wire import read

ReadT = TypeVar("ReadT")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Params = Mapping[str, str | int | float | bool | Sequence[str] | None]

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of one answer that are read; a larger one is an error that says to ask for less."""
ATTEMPTS = 3
"""Tries of one read. Three tries with the pauses below end within one scrape interval."""
FIRST_PAUSE = 0.2
"""Seconds of the first pause between tries; it doubles, and is then drawn between nothing and itself (full jitter,
AWS Architecture Blog, "Exponential Backoff And Jitter")."""
LONGEST_PAUSE = 3.0
"""Seconds that are waited at most when a system names a pause itself; a longer one is passed on to the caller."""
REDIRECTS = 3
LAST_PORT = 65_535
_PORTS = {"http": 80, "https": 443}
EXCERPT = 300
"""Characters of an error's body that are shown to people."""
LIMITS = httpx.Limits(max_connections=10)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: status 2xx, the body within its bound, and whether it was cut there."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


class HttpClient:
    """Speaks to one system at one base URL. Close it with `aclose`."""

    def __init__(self, endpoint: Endpoint, *, system: str, headers: Mapping[str, str] | None = None) -> None:
        """`system` is how people call it. Raises PermanentError for a base URL that is none."""
        self.system, self._endpoint = system, endpoint
        self.base = _base_url(endpoint.url, system=system)
        self.public = (endpoint.public_url or str(self.base)).rstrip("/")
        self.timeout = endpoint.timeout_seconds
        self._client = httpx.AsyncClient(
            auth=_basic_auth(endpoint),
            headers={"user-agent": "midwatch", **_bearer(endpoint), **(headers or {})},
            timeout=httpx.Timeout(endpoint.timeout_seconds),
            **_way(endpoint, self.base, system=system),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def judge(self) -> None:
        """Whether a library that connects by itself could: the name leads to an address to speak to, and whom to trust.

        Raises PermanentError, or TransientError when nobody knows the name.
        """
        if self.base.scheme == "https":
            trust_of(self._endpoint, system=self.system)
        await judged(self.base.host, self.base.port or _PORTS[self.base.scheme], system=self.system)

    async def get(self, path: str, form: type[ReadT], *, params: Params | None = None) -> ReadT:
        """Read JSON as that form, trying again when it is worth it."""
        answer = await self.fetch("GET", path, params=params)
        return read(form, answer.body, system=self.system, what=path)

    async def post_read(self, path: str, form: type[ReadT], *, data: Params) -> ReadT:
        """Read by a POST of form fields, for queries that are too long for a URL. Tried again like any read."""
        answer = await self.fetch("POST", path, data=data)
        return read(form, answer.body, system=self.system, what=path)

    async def get_text(
        self, path: str, *, params: Params | None = None, accept: str = "*/*", limit: int = BODY_LIMIT
    ) -> tuple[str, bool]:
        """Read text, at most `limit` bytes of it, and say whether it was cut there."""
        answer = await self.fetch("GET", path, params=params, headers={"accept": accept}, limit=limit, cut=True)
        return answer.body.decode(errors="replace"), answer.cut

    async def fetch(
        self,
        method: Method,
        path: str,
        *,
        params: Params | None = None,
        data: Params | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = BODY_LIMIT,
        cut: bool = False,
    ) -> Answer:
        """Read, up to ATTEMPTS times. Raises ToolError; the last transient one when none of the tries worked."""
        request = self._request(method, path, params=params, data=data, headers=headers)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._read(request, limit=limit, cut=cut)
            except TransientError as error:
                pause = _pause(attempt, named=error.retry_after)
                if attempt == ATTEMPTS or pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def send(
        self,
        method: Method,
        path: str,
        form: type[ReadT],
        *,
        body: Json = None,
        params: Params | None = None,
    ) -> ReadT:
        """Change something: sent once, never repeated here. An empty answer is read as JSON null."""
        request = self._request(method, path, params=params, json=body)
        answer = await self._exchange(request, limit=BODY_LIMIT, cut=False)
        return read(form, answer.body or b"null", system=self.system, what=path)

    async def tell(self, path: str, *, body: Json) -> None:
        """Send JSON once to somebody whose answer says nothing beyond its status. Raises ToolError."""
        await self._exchange(self._request("POST", path, json=body), limit=BODY_LIMIT, cut=True)

    async def deliver(self, path: str, *, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send exactly these bytes once, as what was signed. Raises ToolError, also for a redirect."""
        request = self._request("POST", path, content=content, headers=headers)
        answer = await self._exchange(request, limit=BODY_LIMIT, cut=True)
        if httpx.codes.is_redirect(answer.status):
            raise PermanentError(f"{self.system} redirects a POST: nothing was sent on; write the right address")
        return answer

    def describe(self, path: str, *, params: Params | None = None, method: Method = "GET") -> str:
        """The request as evidence names it: `GET /api/v1/query?query=up`. No host, no credentials."""
        query = str(httpx.QueryParams(_plain(params)))
        return f"{method} {path}?{query}" if query else f"{method} {path}"

    def link(self, path: str, *, params: Params | None = None) -> str:
        """An address that people open."""
        query = str(httpx.QueryParams(_plain(params)))
        return f"{self.public}{path}?{query}" if query else f"{self.public}{path}"

    def _request(
        self,
        method: Method,
        path: str,
        *,
        params: Params | None = None,
        data: Params | None = None,
        json: Json = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        if not path.startswith("/") or path.startswith("//") or ".." in path.split("/"):
            raise PermanentError(f"{self.system}: {path!r} is no path below the configured address")
        url = httpx.URL(f"{str(self.base).rstrip('/')}{path}", params=_plain(params) or None)
        form = dict(_plain(data)) or None
        return self._client.build_request(
            method, url, content=content, data=form, json=json, headers=dict(headers or {})
        )

    async def _read(self, request: httpx.Request, *, limit: int, cut: bool) -> Answer:
        """One try of a read, with the redirects that stay on the same origin."""
        for _ in range(REDIRECTS + 1):
            answer = await self._exchange(request, limit=limit, cut=cut)
            location = answer.headers.get("location")
            if not httpx.codes.is_redirect(answer.status) or location is None:
                return answer
            request = self._redirected(request, location)
        raise PermanentError(f"{self.system} redirects in circles at {request.url.path}")

    def _redirected(self, request: httpx.Request, location: str) -> httpx.Request:
        target = request.url.join(location)
        if request.method != "GET":
            raise PermanentError(
                f"{self.system} redirects a {request.method} of {request.url.path}: nothing was sent on"
            )
        if _origin(target) != _origin(self.base):
            raise PermanentError(
                f"{self.system} redirects to {target.host}, which is not the configured address: "
                "write the address it redirects to into the settings if it is right"
            )
        return self._client.build_request("GET", target, headers={"accept": request.headers.get("accept", "*/*")})

    async def _exchange(self, request: httpx.Request, *, limit: int, cut: bool) -> Answer:
        try:
            async with asyncio.timeout(self.timeout), self._stream(request) as response:
                body, was_cut = await _bounded(response, limit=limit)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TransientError(f"{self.system} did not answer within {self.timeout:g} s") from error
        except httpx.TransportError as error:
            why = str(error) or "no answer"
            why += tls_advice(why)
            raise TransientError(f"{self.system} cannot be reached at {self.base.host}: {why}") from error
        except httpx.InvalidURL as error:
            raise PermanentError(f"{self.system}: {error}") from error
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise error_of(response, body, system=self.system)
        if was_cut and not cut:
            raise PermanentError(f"{self.system} answered more than {limit} bytes at {request.url.path}: ask for less")
        return Answer(status=response.status_code, headers=response.headers, body=body, cut=was_cut)

    @asynccontextmanager
    async def _stream(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            yield response
        finally:
            await response.aclose()


def segment(text: str) -> str:
    """One path segment, with everything quoted that would leave it."""
    return quote(text, safe="")


def error_of(response: httpx.Response, body: bytes, *, system: str) -> ToolError:
    """What an error status means: transient or permanent, and which permanent kind."""
    status = response.status_code
    said = redact(" ".join(body.decode(errors="replace").split()))[:EXCERPT]
    message = (
        f"{system} answered {status} at {response.request.url.path}" + (f": {said}" if said else "") + tls_advice(said)
    )
    wait = _retry_after(response)
    limited = status == httpx.codes.FORBIDDEN and response.headers.get("x-ratelimit-remaining") == "0"
    if limited or status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS):
        return TransientError(message, retry_after=wait)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR and status != httpx.codes.NOT_IMPLEMENTED:
        return TransientError(message, retry_after=wait)
    return _permanent(status, message, system=system)


def _permanent(status: int, message: str, *, system: str) -> PermanentError:
    match status:
        case httpx.codes.UNAUTHORIZED:
            return ForbiddenError(f"{message}. Check the credentials of {system} in the settings")
        case httpx.codes.FORBIDDEN:
            return ForbiddenError(f"{message}. The credentials of {system} may not do this")
        case httpx.codes.NOT_FOUND | httpx.codes.GONE:
            return NotFoundError(message)
        case httpx.codes.CONFLICT | httpx.codes.PRECONDITION_FAILED:
            return ConflictError(message)
        case _:
            return PermanentError(message)


async def _bounded(response: httpx.Response, *, limit: int) -> tuple[bytes, bool]:
    """The body up to the limit, and whether there was more."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            return b"".join(chunks)[:limit], True
    return b"".join(chunks), False


def _pause(attempt: int, *, named: float | None) -> float | None:
    """Seconds until the next try; None when the system asks for longer than anybody here waits."""
    if named is not None:
        return named if named <= LONGEST_PAUSE else None
    return random.uniform(0, FIRST_PAUSE * 2 ** (attempt - 1))  # noqa: S311 - spreads load, guards nothing


def _retry_after(response: httpx.Response) -> float | None:
    """The pause that the system asks for, in seconds: Retry-After as seconds or date, or GitHub's reset time."""
    header, reset = response.headers.get("retry-after", ""), response.headers.get("x-ratelimit-reset", "")
    if header.strip().isdigit():
        return float(header)
    if header:
        try:
            return max(0.0, (parsedate_to_datetime(header) - _sent_at(response)).total_seconds())
        except ValueError:
            return None
    exhausted = response.headers.get("x-ratelimit-remaining") == "0"
    return max(0.0, float(reset) - _sent_at(response).timestamp()) if exhausted and reset.isdigit() else None


def _sent_at(response: httpx.Response) -> datetime:
    """When the system sent its answer, by its own clock; long ago when it does not say: waits are overestimated."""
    try:
        return parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return datetime.fromtimestamp(0, tz=UTC)


def _plain(params: Params | None) -> dict[str, str | list[str]]:
    """Parameters as text, without those that are None; booleans as `true` and `false`, floats without an exponent."""
    return {name: _text(value) for name, value in (params or {}).items() if value is not None}


def _text(value: str | float | bool | Sequence[str] | None) -> str | list[str]:  # noqa: FBT001 - a value, no switch
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case str() | int() | None:
            return str(value)
        case _:
            return list(value)


def _base_url(text: str, *, system: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise PermanentError(f"{system}: {text!r} is no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host or (url.port or 1) > LAST_PORT:
        raise PermanentError(f"{system}: {text!r} is no address: write http://host:port or https://host")
    if why := objection_to_url(text):
        raise PermanentError(f"{system}: {text!r} is no address to configure: {why}")
    if url.userinfo:
        raise PermanentError(f"{system}: write username and password into their own settings, not into the address")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _way(endpoint: Endpoint, base: httpx.URL, *, system: str) -> dict[str, Any]:
    """How the address is reached: by the proxy that the environment names for it, or guarded, by ourselves."""
    try:
        trust = trust_of(endpoint, system=system) if base.scheme == "https" else False
    except PermanentError as problem:
        return {"transport": Untrusting(problem), "trust_env": False}
    if by_proxy(str(base)):
        return {"verify": trust, "trust_env": True, "limits": LIMITS}
    inner = httpx.AsyncHTTPTransport(verify=trust, trust_env=False, limits=LIMITS)
    return {"transport": GuardedTransport(inner, system=system), "trust_env": False}


def _bearer(endpoint: Endpoint) -> dict[str, str]:
    return {"authorization": f"Bearer {endpoint.token.get_secret_value()}"} if endpoint.token else {}


def _basic_auth(endpoint: Endpoint) -> httpx.BasicAuth | None:
    if endpoint.username is None or endpoint.token is not None:
        return None
    return httpx.BasicAuth(endpoint.username, endpoint.password.get_secret_value() if endpoint.password else "")
