"""How connections are made and given up: to judged addresses only, a write sent once, none left open when closed."""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client import ClientTimeout
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from tools.address import Resolve, judged, resolve
from tools.errors import TransientError

MOST_CONNECTIONS = 10
KEPT_SECONDS = 4.0
"""How long an idle connection is used again: many servers close it after five (uvicorn, Node)."""
LONGEST_HEADER = 64 * 1024
"""Bytes of one header of an answer."""
_WITHOUT_TYPE = frozenset({"Content-Type"})
"""aiohttp calls a body without a type `application/octet-stream`."""


class LostError(TransientError):
    """The connection was lost after a write: what was sent may have arrived."""


class Connector(aiohttp.TCPConnector):
    """Leaves no socket open once it is closed.

    aiohttp says TLS's goodbye on a connection that it gives up (a call that timed out or was cancelled) and forgets it:
    a server that hangs would keep the socket open for half a minute more, or past the end of the event loop.
    """

    def __init__(self, **options: Any) -> None:
        """The options are those of `aiohttp.TCPConnector`."""
        super().__init__(**options)
        self._given: WeakSet[asyncio.Transport] = WeakSet()

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:  # noqa: ASYNC109 - aiohttp's signature
        """Hand out a connection, and remember it."""
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            self._given.add(connection.transport)
        return connection

    async def close(self, *, abort_ssl: bool = True) -> None:
        """End every connection that was handed out, whatever the server answers."""
        await super().close(abort_ssl=abort_ssl)
        for transport in list(self._given):
            transport.abort()
        await asyncio.sleep(0)


class JudgingResolver(AbstractResolver):
    """Leads a name to its addresses when none of them is one that is not spoken to.

    It is asked at every new connection, which goes to what it answers; TLS and the Host header keep the name. A host
    that is written as an address does not come here: whoever reads it from settings judges it there.
    """

    def __init__(self, *, system: str, resolver: Resolve = resolve) -> None:
        """`system` is how people call what is spoken to."""
        self._system, self._resolve = system, resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of a name. Raises PermanentError for one not to speak to, TransientError when it has none."""
        del family  # all are judged, and whichever answers first is used
        addresses = await judged(host, port, system=self._system, resolver=self._resolve)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware: a write is not repeated when its connection is lost. aiohttp would send PUT and DELETE again.

    Raises LostError.
    """
    if request.method in ("GET", "HEAD"):
        return await handler(request)
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent, and nothing is repeated
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        what = f"the connection was lost after a {request.method} of {request.url.path}: it may have arrived"
        raise LostError(what) from error


def session(
    *,
    tls: ssl.SSLContext | bool,
    headers: Mapping[str, str] | None = None,
    guard: JudgingResolver | None = None,
    most: int = MOST_CONNECTIONS,
) -> aiohttp.ClientSession:
    """Where connections to one system are taken from. It keeps no cookies; time-outs are the caller's.

    `guard` judges names; None where a proxy looks them up.
    """
    looked_up = {} if guard is None else {"resolver": guard, "use_dns_cache": False}
    return aiohttp.ClientSession(
        connector=Connector(ssl=tls, limit=most, keepalive_timeout=KEPT_SECONDS, **looked_up),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(),
        skip_auto_headers=_WITHOUT_TYPE,
        middlewares=(sent_once,),
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )


def why_unreachable(error: Exception) -> str:
    """Why there was no answer, in the words of the machine rather than in those of the library."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return str(error.certificate_error)
        case aiohttp.ClientConnectorError() if error.os_error.errno and not isinstance(error.os_error, ssl.SSLError):
            return os.strerror(error.os_error.errno)
        case aiohttp.ClientConnectorError():
            return str(error.os_error)
        case _:
            return str(error) or "no answer"
