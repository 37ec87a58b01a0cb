"""The HTTP server under a world: on a port of the loopback interface, there when it is asked for and gone when told."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
_START_TIMEOUT = 20.0
# Seconds for which an idle connection is kept, as API servers keep them for minutes: with uvicorn's five a busy machine
# looks like an outage.
_IDLE_SECONDS = 120
_GRACE_SECONDS = 2
# Real seconds after which the Date header is written anew.
_TICK = 1.0


class HttpServer:
    """Serves an ASGI application. `url` is known before anything is served: applications tell it."""

    def __init__(self, port: int = 0) -> None:
        """Take the port; 0 takes a free one. Raises OSError when it is taken."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError:
            self._socket.close()
            raise
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, app: ASGIApp) -> None:
        """Serve. Returns when requests are answered."""
        config = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            access_log=False,
            ws="none",
            http="httptools",
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        async with asyncio.timeout(_START_TIMEOUT):
            await self._server.ready.wait()

    async def stop(self, *, force: bool = False) -> None:
        """End it. With `force` nobody waits for requests that are under way."""
        if self._server is None or self._task is None:
            self._socket.close()
            return
        self._server.end(force=force)
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class _Server(uvicorn.Server):
    """uvicorn's, but it leaves signals to its process, and is told of its end instead of asking ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._told = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield

    def end(self, *, force: bool) -> None:
        """Let `serve` return."""
        self.should_exit = True
        self.force_exit = force
        self._told.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Serve until the end is told."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End idle connections at once; only where somebody is being answered, wait as uvicorn does."""
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # the loop takes leave of what was closed
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
        for one in sockets or ():
            one.close()
