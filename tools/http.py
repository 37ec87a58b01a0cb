"""How clients speak HTTP: one host, time-outs, bounded answers, retries of reads, and errors in our two kinds.

A client is given one base URL and can reach nothing else: paths are joined to it, a redirect is followed for reads only
and only within the same origin. Writes are sent once. Nothing here knows what any system's answers mean.
"""

import asyncio
import json as encoding
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from incidents.canonical import Json
from incidents.redaction import redact
from tools.address import Resolve, judged, objection_to_url, proxy_of, resolve
from tools.connector import JudgingResolver, LostError, session, why_unreachable
from tools.errors import ConflictError, ForbiddenError, NotFoundError, PermanentError, ToolError, TransientError
from tools.estate import Endpoint
from tools.trust import tls_advice, trust_of
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
EXCERPT = 300
"""Characters of an error's body that are shown to people."""
_UNESCAPED = "/%:@!$&'()*+,;=~"
"""What stays as it is in a path (RFC 3986, section 3.3), and what is escaped already."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: the status, the body within its bound, and whether it was cut there."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One request, ready to be sent."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None = None


class HttpClient:
    """Speaks to one system at one base URL. Close it with `aclose`."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        system: str,
        headers: Mapping[str, str] | None = None,
        resolver: Resolve = resolve,
    ) -> None:
        """`system` is how people call it. Raises PermanentError for a base URL that is none."""
        self.system, self._endpoint, self._resolver = system, endpoint, resolver
        self.base = _base_url(endpoint.url, system=system)
        self.public = (endpoint.public_url or str(self.base)).rstrip("/")
        self.timeout = endpoint.timeout_seconds
        self._headers = {"user-agent": "midwatch", **_credentials(endpoint, system=system), **(headers or {})}
        self._proxy: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def judge(self) -> None:
        """Whether a library that connects by itself could: the name leads to an address to speak to, and whom to trust.

        Raises PermanentError, or TransientError when nobody knows the name.
        """
        if self.base.scheme == "https":
            trust_of(self._endpoint, system=self.system)
        await judged(self.base.host or "", self.base.port or 0, system=self.system, resolver=self._resolver)

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
        typed = {**_type(data), **(headers or {})}
        asked = self._asked(method, path, params=params, content=_form(data), headers=typed)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._read(asked, limit=limit, cut=cut)
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
        asked = self._writing(method, path, body=body, params=params)
        answer = await self._exchange(asked, limit=BODY_LIMIT, cut=False)
        return read(form, answer.body or b"null", system=self.system, what=path)

    async def tell(self, path: str, *, body: Json) -> None:
        """Send JSON once to somebody whose answer says nothing beyond its status. Raises ToolError."""
        await self._exchange(self._writing("POST", path, body=body), limit=BODY_LIMIT, cut=True)

    async def deliver(self, path: str, *, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send exactly these bytes once, as what was signed. Raises ToolError, also for a redirect."""
        asked = self._asked("POST", path, content=content, headers=headers)
        answer = await self._exchange(asked, limit=BODY_LIMIT, cut=True)
        if _is_redirect(answer.status):
            raise PermanentError(f"{self.system} redirects a POST: nothing was sent on; write the right address")
        return answer

    def describe(self, path: str, *, params: Params | None = None, method: Method = "GET") -> str:
        """The request as evidence names it: `GET /api/v1/query?query=up`. No host, no credentials."""
        query = _query(params)
        return f"{method} {path}?{query}" if query else f"{method} {path}"

    def link(self, path: str, *, params: Params | None = None) -> str:
        """An address that people open."""
        query = _query(params)
        return f"{self.public}{path}?{query}" if query else f"{self.public}{path}"

    def _writing(self, method: Method, path: str, *, body: Json, params: Params | None = None) -> _Asked:
        if body is None:
            return self._asked(method, path, params=params)
        content = encoding.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return self._asked(method, path, params=params, content=content, headers={"content-type": "application/json"})

    def _asked(
        self,
        method: Method,
        path: str,
        *,
        params: Params | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Asked:
        if not path.startswith("/") or path.startswith("//") or ".." in path.split("/"):
            raise PermanentError(f"{self.system}: {path!r} is no path below the configured address")
        bare, _, own = path.partition("?")
        query = "&".join(part for part in (quote(own, safe=_UNESCAPED + "?"), _query(params)) if part)
        target = str(self.base).rstrip("/") + quote(bare, safe=_UNESCAPED) + (f"?{query}" if query else "")
        return _Asked(method=method, url=URL(target, encoded=True), headers=headers or {}, body=content)

    async def _read(self, asked: _Asked, *, limit: int, cut: bool) -> Answer:
        """One try of a read, with the redirects that stay on the same origin."""
        for _ in range(REDIRECTS + 1):
            answer = await self._exchange(asked, limit=limit, cut=cut)
            location = answer.headers.get("location")
            if not _is_redirect(answer.status) or location is None:
                return answer
            asked = self._redirected(asked, location)
        raise PermanentError(f"{self.system} redirects in circles at {asked.url.path}")

    def _redirected(self, asked: _Asked, location: str) -> _Asked:
        try:
            target = asked.url.join(URL(location)).with_user(None)
            stays = target.origin() == self.base.origin()
        except ValueError as error:
            raise PermanentError(f"{self.system} redirects to {location!r}, which is no address") from error
        if asked.method != "GET":
            raise PermanentError(f"{self.system} redirects a {asked.method} of {asked.url.path}: nothing was sent on")
        if not stays:
            raise PermanentError(
                f"{self.system} redirects to {target.host}, which is not the configured address: "
                "write the address it redirects to into the settings if it is right"
            )
        return _Asked(method="GET", url=target, headers=asked.headers)

    async def _exchange(self, asked: _Asked, *, limit: int, cut: bool) -> Answer:
        try:
            async with (
                asyncio.timeout(self.timeout),
                self._connected().request(
                    asked.method,
                    asked.url,
                    data=asked.body,
                    headers=asked.headers,
                    proxy=self._proxy,
                    allow_redirects=False,
                ) as response,
            ):
                body, was_cut = await _bounded(response, limit=limit)
        except TimeoutError as error:
            raise TransientError(f"{self.system} did not answer within {self.timeout:g} s") from error
        except LostError as error:
            raise TransientError(f"{self.system}: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            why = why_unreachable(error)
            message = f"{self.system} cannot be reached at {self.base.host}: {why}{tls_advice(why)}"
            raise TransientError(message) from error
        except ValueError as error:  # a line break in a token
            raise PermanentError(f"{self.system} cannot be asked like this: {error}") from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise error_of(response, body, system=self.system)
        if was_cut and not cut:
            raise PermanentError(f"{self.system} answered more than {limit} bytes at {asked.url.path}: ask for less")
        return Answer(status=response.status, headers=response.headers, body=body, cut=was_cut)

    def _connected(self) -> aiohttp.ClientSession:
        """What connections are taken from; made at the first question. Raises PermanentError for proxy or trust."""
        if self._session is None:
            self._proxy = proxy_of(str(self.base))
            tls = trust_of(self._endpoint, system=self.system) if self.base.scheme == "https" else True
            guard = None if self._proxy else JudgingResolver(system=self.system, resolver=self._resolver)
            self._session = session(tls=tls, headers=self._headers, guard=guard)
        return self._session


def segment(text: str) -> str:
    """One path segment, with everything quoted that would leave it."""
    return quote(text, safe="")


def error_of(response: aiohttp.ClientResponse, body: bytes, *, system: str) -> ToolError:
    """What an error status means: transient or permanent, and which permanent kind."""
    status = response.status
    said = redact(" ".join(body.decode(errors="replace").split()))[:EXCERPT]
    message = f"{system} answered {status} at {response.url.path}" + (f": {said}" if said else "") + tls_advice(said)
    wait = _retry_after(response)
    limited = status == HTTPStatus.FORBIDDEN and response.headers.get("x-ratelimit-remaining") == "0"
    if limited or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS):
        return TransientError(message, retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
        return TransientError(message, retry_after=wait)
    return _permanent(status, message, system=system)


def _permanent(status: int, message: str, *, system: str) -> PermanentError:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return ForbiddenError(f"{message}. Check the credentials of {system} in the settings")
        case HTTPStatus.FORBIDDEN:
            return ForbiddenError(f"{message}. The credentials of {system} may not do this")
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return NotFoundError(message)
        case HTTPStatus.CONFLICT | HTTPStatus.PRECONDITION_FAILED:
            return ConflictError(message)
        case _:
            return PermanentError(message)


async def _bounded(response: aiohttp.ClientResponse, *, limit: int) -> tuple[bytes, bool]:
    """The body up to the limit, and whether there was more."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
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


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
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


def _sent_at(response: aiohttp.ClientResponse) -> datetime:
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


def _query(params: Params | None) -> str:
    return urlencode(_plain(params), doseq=True)


def _form(data: Params | None) -> bytes | None:
    return _query(data).encode() if data else None


def _type(data: Params | None) -> dict[str, str]:
    return {"content-type": "application/x-www-form-urlencoded"} if data else {}


def _is_redirect(status: int) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def _base_url(text: str, *, system: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise PermanentError(f"{system}: {text!r} is no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise PermanentError(f"{system}: {text!r} is no address: write http://host:port or https://host")
    if why := objection_to_url(text):
        raise PermanentError(f"{system}: {text!r} is no address to configure: {why}")
    if url.user is not None or url.password is not None:
        raise PermanentError(f"{system}: write username and password into their own settings, not into the address")
    return url


def _credentials(endpoint: Endpoint, *, system: str) -> dict[str, str]:
    if endpoint.token:
        return {"authorization": f"Bearer {endpoint.token.get_secret_value()}"}
    if endpoint.username is None:
        return {}
    password = endpoint.password.get_secret_value() if endpoint.password else ""
    try:
        return {"authorization": aiohttp.encode_basic_auth(endpoint.username, password)}
    except ValueError:
        raise PermanentError(f"{system}: a username has no colon in it (RFC 7617): write the password apart") from None
