"""Connections that end when they are closed, also those to an API server that hangs."""

import asyncio
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.client import ClientTimeout
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace


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
