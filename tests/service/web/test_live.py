"""Event streams over a real socket: they tell, they survive a lost listener, they end when the process does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from sqlalchemy import text

from incidents.incident import EventKind, Phase
from orchestrator.store.database import Store
from service.web.context import WebContext
from tests.service.web.casebook import Casebook
from tests.service.web.serving import served
from tests.service.web.signing import sign_in

LISTENERS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")


async def next_event(lines: AsyncIterator[str], name: str) -> None:
    async with asyncio.timeout(60):
        async for line in lines:
            if line == f"event: {name}":
                return
    raise AssertionError(f"the stream ended without {name}")


async def test_a_stream_tells_and_survives_a_lost_listener(context: WebContext, book: Casebook, store: Store) -> None:
    incident = await book.reach(Phase.OPEN)
    async with served(context) as base, httpx.AsyncClient(base_url=base, timeout=60) as client:
        await sign_in(client, "ada")
        async with client.stream("GET", f"/incidents/{incident}/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            await next_event(lines, "hello")
            await asyncio.sleep(0.3)
            await book.say(EventKind.NOTE, "sam", "one")
            await next_event(lines, "change")
            async with store.transaction() as tx:
                assert list(await tx.scalars(LISTENERS))
            await next_event(lines, "change")  # whoever lost the listener looks again
            await asyncio.sleep(0.5)
            await book.say(EventKind.NOTE, "sam", "two")
            await next_event(lines, "change")


async def waiting(lines: AsyncIterator[str]) -> str:
    """The badge that the stream says next."""
    await next_event(lines, "waiting")
    return (await anext(lines)).removeprefix("data:").strip()


async def test_a_stream_says_what_waits_for_this_person(context: WebContext, book: Casebook) -> None:
    """Whatever page is open, also that of another incident; only those who may approve are told."""
    other = await book.reach(Phase.OPEN, group="search")
    async with served(context) as base, httpx.AsyncClient(base_url=base, timeout=60) as client:
        await sign_in(client, "dana")
        async with client.stream("GET", f"/incidents/{other}/events") as answer:
            lines = answer.aiter_lines()
            assert await waiting(lines) == ""
            await asyncio.sleep(0.3)
            await book.reach(Phase.AWAITING_DECISION)
            assert ">1<span" in await waiting(lines)
            await book.approve()
            assert await waiting(lines) == ""
        async with client.stream("GET", "/events") as answer:
            said = await waiting(answer.aiter_lines())
            assert said == "", "said even when nothing waits: what a stream that is opened again missed is put right"


async def test_a_stream_is_for_people_only(client: httpx.AsyncClient) -> None:
    assert (await client.get("/events")).status_code == 303


async def test_a_stream_of_nothing_is_404(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    assert (await client.get("/incidents/inc-none/events")).status_code == 404


async def test_open_streams_end_with_the_process(context: WebContext) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        async with served(context) as base:
            await client.post(f"{base}/sign-in", data={"token": "token-of-ada-viewer"})
            request = client.build_request("GET", f"{base}/events")
            answer = await client.send(request, stream=True)
            lines = answer.aiter_lines()
            await next_event(lines, "hello")
        async for line in lines:  # to its end: one that is cut raises
            assert line != "event: change"
