"""The server under a world: there when it says so, gone when it is told, and no bother to its process."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from worlds.httpserver import HttpServer


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long somebody slept, each time; turns of the loop without a pause are left out."""
    found: list[float] = []
    really = asyncio.sleep

    async def sleep(seconds: float) -> None:
        found.extend([seconds] if seconds else [])
        await really(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return found


@asynccontextmanager
async def asked(slow: "Slow") -> AsyncIterator[tuple[HttpServer, asyncio.Task[httpx.Response]]]:
    """A server with a request under way that is answered when `slow.go` is set."""
    server = HttpServer()
    await server.start(slow.app)
    async with httpx.AsyncClient(base_url=server.url) as client:
        asking = asyncio.create_task(client.get("/slow"))
        await slow.asked.wait()
        yield server, asking


class Slow:
    """An application with one answer that waits until it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()
        self.app = Starlette(routes=[Route("/slow", self._slow), Route("/", self._quick)])

    async def _quick(self, _: Request) -> Response:
        return PlainTextResponse("here")

    async def _slow(self, _: Request) -> Response:
        self.asked.set()
        await self.go.wait()
        return PlainTextResponse("at last")


async def test_it_answers_as_soon_as_it_has_started_and_nobody_does_after_its_end() -> None:
    server = HttpServer()
    await server.start(Slow().app)
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/")).text == "here"
        await server.stop()
        with pytest.raises(httpx.ConnectError):
            await client.get("/")


async def test_its_end_does_not_wait_for_a_connection_that_is_idle(slept: list[float]) -> None:
    server = HttpServer()
    await server.start(Slow().app)
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    await writer.drain()
    assert b"200 OK" in await reader.readline()
    await server.stop()
    assert not slept
    await reader.read()  # to its end: the server has closed the connection
    writer.close()


async def test_who_is_being_answered_gets_the_whole_answer() -> None:
    slow = Slow()
    async with asked(slow) as (server, asking):
        ending = asyncio.create_task(server.stop())
        await asyncio.sleep(0.01)
        assert not ending.done()
        slow.go.set()
        assert (await asking).text == "at last"
        await ending


async def test_by_force_it_ends_although_somebody_is_being_answered(slept: list[float]) -> None:
    slow = Slow()
    async with asked(slow) as (server, asking):
        await server.stop(force=True)
        assert len(slept) <= 1, "it looked again and again whether the answer is out"
        slow.go.set()
        await asyncio.wait([asking])


async def test_signals_stay_those_of_its_process() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    server = HttpServer()
    await server.start(Slow().app)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    await server.stop()


async def test_a_port_that_is_taken_is_told_before_anything_is_served() -> None:
    server = HttpServer()
    await server.start(Slow().app)
    with pytest.raises(OSError, match="in use"):
        HttpServer(int(server.url.rpartition(":")[2]))
    await server.stop()


async def test_what_was_never_started_lets_its_port_go() -> None:
    server = HttpServer()
    port = int(server.url.rpartition(":")[2])
    await server.stop()
    again = HttpServer(port)
    assert again.url == server.url
    await again.stop()
